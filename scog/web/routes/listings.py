"""`/indices`, `/bands`, `/composites`, `/colorMaps`: what can be asked for by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from scog.bandmath import indices
from scog.bandmath.indices import Index
from scog.collections.bands import BANDS, Band
from scog.collections.presets import PRESETS
from scog.composite.methods import COMPOSITES, percentile
from scog.errors import InvalidInput, OutOfRange
from scog.imaging.engine import Engine
from scog.imaging.image_cache import encoded
from scog.render import colormap
from scog.render.layer import SCENE_CLASSIFICATION, LayerOptions, layer_of
from scog.web.http.links import base_url
from scog.web.http.problems import REFUSALS
from scog.web.http.query_route import QueryRoute
from scog.web.http.responses import with_etag
from scog.web.params.image import no_doubles
from scog.web.routes.legends import KEPT

router = APIRouter(tags=["on offer"], dependencies=[Depends(no_doubles)], responses=REFUSALS, route_class=QueryRoute)

T = TypeVar("T")

LINKED = KEPT | {"Vary": "Host"}
"""For answers with links, which begin as the server was asked."""


class NoParameters(BaseModel):
    """Nothing can be chosen."""

    model_config = ConfigDict(extra="forbid")


class SearchParameters(BaseModel):
    """Which indices."""

    model_config = ConfigDict(extra="forbid")

    search: Annotated[str, Field(max_length=64)] = Field(
        "", description="Words to find in names, titles, domains and bands, such as `chlorophyll` or `B8A`."
    )
    domain: Annotated[str, Field(max_length=64)] | None = Field(
        None, description=f"What it is for: `{'`, `'.join(indices.DOMAINS)}`."
    )


Nothing = Annotated[NoParameters, Query()]


@router.get("/indices", summary="Indices by name, with formula and source")
async def list_indices(request: Request, parameters: Annotated[SearchParameters, Query()]) -> Response:
    """All indices, the best known first, or those that a search finds, the best match first."""
    found = await _aside(request, lambda: indices.search(parameters.search, parameters.domain))
    base = base_url(request)
    return _json(request, {"indices": [_described(index, base) for index in found]}, LINKED)


@router.get("/indices/{name}", summary="One index")
async def one_index(request: Request, name: str, parameters: Nothing) -> Response:
    """An index by name or alias, in any case."""
    return _json(request, _described(_known(indices.get, name), base_url(request)), LINKED)


@router.get("/bands", summary="Bands and presets by name")
async def list_bands(request: Request, parameters: Nothing) -> Response:
    """The bands that formulas may use (wavelengths in micrometres, resolutions in metres), the presets that `bands`
    takes, and what the numbers of the scene classification mean.
    """
    body = {
        "bands": [_band(band) for band in BANDS],
        "presets": [asdict(preset) | {"rescale": preset.ranges} for preset in PRESETS],
        "scene_classes": layer_of(LayerOptions(index=SCENE_CLASSIFICATION)).style.legend.json()["classes"],
    }
    return _json(request, body, KEPT)


@router.get("/composites", summary="Composites by name")
async def list_composites(request: Request, parameters: Nothing) -> Response:
    """How many observations become one picture: the names that `composite` takes, and of what their values are."""
    named = (*COMPOSITES, percentile(10), percentile(90))
    body = {
        "composites": [
            {"name": each.name, "title": each.title, "description": each.description, "unit": each.unit.value}
            for each in named
        ],
        "percentiles": "p1 to p99",
    }
    return _json(request, body, KEPT)


@router.get("/colorMaps", summary="Colormaps by name")
async def list_colormaps(request: Request, parameters: Nothing) -> Response:
    """The names that `colormap_name` takes."""
    names = await _aside(request, colormap.names)
    return _json(request, {"colorMaps": [each for name in names for each in (name, f"{name}_r")]}, KEPT)


@router.get("/colorMaps/{name}", summary="One colormap")
async def one_colormap(request: Request, name: str, parameters: Nothing) -> Response:
    """256 colours as red, green, blue and opacity, lowest first."""
    table = await _aside(request, lambda: _known(colormap.color_table, name))
    places = np.linspace(0, len(table) - 1, colormap.PLACES).round().astype(int)
    return _json(request, {str(place): color for place, color in enumerate(table[places].tolist())}, KEPT)


async def _aside(request: Request, work: Callable[[], T]) -> T:
    """Do what takes long the first time beside the event loop."""
    engine: Engine = request.app.state.engine
    return await asyncio.get_running_loop().run_in_executor(engine.cpu, work)


def _known(find: Callable[[str], T], name: str) -> T:
    """What is found by a name. Raises OutOfRange for an unknown one, since there is nothing at that address."""
    try:
        return find(name)
    except InvalidInput as fault:
        raise OutOfRange(str(fault), parameter="name", valid=fault.valid) from None


def _json(request: Request, content: dict[str, Any], headers: dict[str, str]) -> Response:
    return with_etag(request, encoded(bytes(JSONResponse(content).body)), "application/json", headers)


def _described(index: Index, base: str) -> dict[str, Any]:
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
        "tilejson": f"{base}/tilejson.json?index={quote(index.name)}",
    }


def _band(band: Band) -> dict[str, Any]:
    return {
        "name": band.name,
        "aliases": list(band.aliases),
        "title": band.title,
        "wavelength": band.wavelength,
        "resolution": band.resolution,
        "spectral": band.spectral,
    }
