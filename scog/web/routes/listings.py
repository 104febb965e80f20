"""`/indices`, `/bands`, `/composites`, `/colorMaps`: the names that parameters accept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scog.bandmath import indices
from scog.bandmath.indices import Index
from scog.bandmath.transforms import unit_of
from scog.collections.band import Band, BandClass
from scog.collections.mask_source import MaskSource
from scog.collections.presets import QuantityLayer
from scog.collections.profile import Profile
from scog.composite.methods import COMPOSITES, percentile
from scog.errors import InvalidInput, OutOfRange
from scog.imaging.engine import Engine
from scog.imaging.image_cache import encoded_image
from scog.render import colormap
from scog.render.layer import BAND_COLORMAP
from scog.web.http.links import base_url
from scog.web.http.problems import REQUEST_PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import profile_headers, with_etag
from scog.web.params.image import reject_repeated
from scog.web.routes.legends import CACHE_HEADERS

router = APIRouter(
    tags=["listings"], dependencies=[Depends(reject_repeated)], responses=REQUEST_PROBLEMS, route_class=QueryRoute
)

T = TypeVar("T")

LINK_HEADERS = CACHE_HEADERS | {"Vary": "Host"}
"""Headers of responses with links. The host in the links may be the one in the request."""


class NoParameters(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid")


class CollectionParameters(BaseModel):
    """The collection whose names are listed."""

    model_config = ConfigDict(extra="forbid")

    collection: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Collection, or several separated by commas, as for tiles; default: the first catalogue's."
    )


class IndexParameters(CollectionParameters):
    """Parameters that select indices."""

    search: Annotated[str, Field(max_length=64)] = Field(
        "", description="Words to search in names, titles, domains and bands, such as `chlorophyll` or `B8A`."
    )
    domain: Annotated[str, Field(max_length=64)] | None = Field(
        None, description=f"Application domain: `{'`, `'.join(indices.DOMAINS)}`."
    )


NoQuery = Annotated[NoParameters, Query()]
IndexName = Annotated[str, Path(description="Name or alias of an index.")]
ColormapName = Annotated[str, Path(description="Name of a colormap. The suffix `_r` reverses it.")]


@router.get("/indices", summary="Spectral indices", response_description="The indices.")
async def list_indices(request: Request, parameters: Annotated[IndexParameters, Query()]) -> Response:
    """Indices with formulas and references: all that the collection's bands allow, best known first; or the matches of
    a search, best match first.
    """
    engine: Engine = request.app.state.engine
    profile = await engine.profile(parameters.collection)
    matches = await _in_thread(request, lambda: indices.search(profile, parameters.search, parameters.domain))
    base = base_url(request)
    listed = [_index_json(index, base, parameters.collection) for index in matches]
    return _json_response(request, {"indices": listed}, profile_headers(LINK_HEADERS, profile))


@router.get("/indices/{name}", summary="A spectral index", response_description="The index.")
async def one_index(request: Request, name: IndexName, parameters: NoQuery) -> Response:
    """An index by name or alias, case-insensitive."""
    return _json_response(request, _index_json(_get_from_path(indices.get, name), base_url(request)), LINK_HEADERS)


@router.get("/bands", summary="What a collection has", response_description="Bands, presets, quantities and masks.")
async def list_bands(request: Request, parameters: Annotated[CollectionParameters, Query()]) -> Response:
    """The bands of a collection that expressions may use (wavelengths in micrometres, resolutions in metres), the
    presets that `bands` accepts, its quantities, which `index` accepts, and the sets that `mask` accepts.

    `default` is the `index` of a request without one. `static` collections do not change over time, so that they have
    no `period_days`, the length of the default period. `cloud_filter` says whether scenes have a cloud cover.
    """
    engine: Engine = request.app.state.engine
    profile = await engine.profile(parameters.collection)
    body = _collection_json(profile, engine.settings.newest_days) | names_json(profile)
    return _json_response(request, body, profile_headers(CACHE_HEADERS, profile))


@router.get("/composites", summary="Composites", response_description="The composites.")
async def list_composites(request: Request, parameters: NoQuery) -> Response:
    """The names that `composite` accepts, and the unit of their values: how observations are reduced to one image."""
    composites = (*COMPOSITES, percentile(10), percentile(90))
    body = {
        "composites": [
            {"name": each.name, "title": each.title, "description": each.description, "unit": each.unit.value}
            for each in composites
        ],
        "percentiles": "p1 to p99",
    }
    return _json_response(request, body, CACHE_HEADERS)


@router.get("/colorMaps", summary="Colormaps", response_description="The names.")
async def list_colormaps(request: Request, parameters: NoQuery) -> Response:
    """The names that `colormap_name` accepts."""
    names = await _in_thread(request, colormap.names)
    return _json_response(
        request, {"colorMaps": [each for name in names for each in (name, f"{name}_r")]}, CACHE_HEADERS
    )


@router.get("/colorMaps/{name}", summary="A colormap", response_description="The colours.")
async def one_colormap(request: Request, name: ColormapName, parameters: NoQuery) -> Response:
    """256 colours as red, green, blue and alpha, keyed `0` (lowest value) to `255`."""
    table = await _in_thread(request, lambda: _get_from_path(colormap.color_table, name))
    samples = np.linspace(0, len(table) - 1, colormap.COLORMAP_SIZE).round().astype(int)
    return _json_response(
        request, {str(position): color for position, color in enumerate(table[samples].tolist())}, CACHE_HEADERS
    )


async def _in_thread(request: Request, function: Callable[[], T]) -> T:
    """The result of `function`, called in a thread, because the first call loads tables."""
    engine: Engine = request.app.state.engine
    return await asyncio.get_running_loop().run_in_executor(engine.cpu, function)


def _get_from_path(get: Callable[[str], T], name: str) -> T:
    """`get(name)`. Raises OutOfRange (404) instead of InvalidInput (400), because the name is part of the path."""
    try:
        return get(name)
    except InvalidInput as error:
        raise OutOfRange(str(error), parameter="name", valid=error.valid) from None


def _json_response(request: Request, content: dict[str, Any], headers: dict[str, str]) -> Response:
    return with_etag(request, encoded_image(bytes(JSONResponse(content).body)), "application/json", headers)


def _index_json(index: Index, base: str, collection: str | None = None) -> dict[str, Any]:
    query = {"index": index.name} | ({"collection": collection} if collection else {})
    return {
        "name": index.name,
        "aliases": list(index.aliases),
        "title": index.title,
        "domain": index.domain,
        "formula": index.formula,
        "bands": list(index.bands),
        "reference": index.reference,
        "rescale": list(index.rescale),
        "colormap": index.colormap,
        "tilejson": f"{base}/tilejson.json?{urlencode(query, safe='@,')}",
    }


def _collection_json(profile: Profile, newest_days: int) -> dict[str, Any]:
    """What a collection is. `newest_days` is the default period of those without their own."""
    mask = profile.mask
    return {
        "title": profile.title,
        "attribution": profile.attribution,
        "default": profile.default,
        "static": profile.static,
        "cloud_filter": profile.cloud_filter,
        "period_days": None if profile.static else profile.period_days or newest_days,
        "mask": None if mask is None else _mask_json(profile, mask),
    }


def names_json(profile: Profile) -> dict[str, Any]:
    """Bands, presets and quantities of a collection, and the classes of its mask."""
    mask = profile.mask
    classes = () if mask is None else profile.band(mask.band).classes
    return {
        "bands": [_band_json(band) for band in profile.bands],
        "presets": [
            {
                "name": preset.name,
                "title": preset.title,
                "bands": list(preset.bands),
                "description": preset.description,
                "rescale": [list(each) for each in profile.ranges(preset)],
            }
            for preset in profile.presets
        ],
        "layers": [_layer_json(layer) for layer in profile.layers],
        "scene_classes": [_class_json(each) for each in classes],
    }


def _layer_json(layer: QuantityLayer) -> dict[str, Any]:
    unit = layer.unit or unit_of(layer.transform)
    return asdict(layer) | {"rescale": list(layer.rescale), "unit": unit or None}


def _mask_json(profile: Profile, mask: MaskSource) -> dict[str, Any]:
    """The default mask, and the named sets with the names of what each masks: of its classes, else of its bits."""
    names = {number: name for name, number in mask.names.items()}
    names |= {each.value: each.name for each in profile.band(mask.band).classes}
    sets = [
        {"name": name, "masks": [names.get(number, str(number)) for number in sorted(numbers)]}
        for name, numbers in mask.sets.items()
    ]
    return {"band": mask.band, "default": profile.default_mask, "sets": sets}


def _band_json(band: Band) -> dict[str, Any]:
    return {
        "name": band.name,
        "aliases": list(band.aliases),
        "title": band.title,
        "wavelength": band.wavelength,
        "resolution": band.resolution,
        "unit": band.unit or None,
        "spectral": band.spectral,
        "assets": list(band.assets),
        "scale": band.scale,
        "offset": band.offset,
        "nodata": band.nodata,
        "rescale": list(band.display_range),
        "colormap": None if band.classes else BAND_COLORMAP,
        "classes": [_class_json(each) for each in band.classes],
        "sources": list(band.sources),
    }


def _class_json(each: BandClass) -> dict[str, Any]:
    red, green, blue = each.color
    return {"value": each.value, "name": each.name, "color": f"#{red:02x}{green:02x}{blue:02x}"}
