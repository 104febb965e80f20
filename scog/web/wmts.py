"""`/WMTSCapabilities.xml`: the tiles as a layer of OGC's Web Map Tile Service 1.0, in its RESTful form."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote, urlencode
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from scog.catalog.footprint import Bounds
from scog.errors import InvalidInput
from scog.formats import format_of
from scog.kept import encoded
from scog.look import Look
from scog.space.grid import WEB_MERCATOR, crs_of, tile_matrix_set
from scog.web.clients import LINKED_SHORTLY, attribution, name_of, shown_bounds, shown_zooms
from scog.web.links import base_url
from scog.web.parameters import DeliveryParameters, TileMatrixSetId, TileParameters, no_doubles
from scog.web.pictures import DEFAULT_FORMAT
from scog.web.problems import REFUSALS
from scog.web.respond import with_etag

router = APIRouter(tags=["map clients"], dependencies=[Depends(no_doubles)], responses=REFUSALS)

WMTS, OWS, XLINK = "http://www.opengis.net/wmts/1.0", "http://www.opengis.net/ows/1.1", "http://www.w3.org/1999/xlink"
LAYER, STYLE = "scog", "default"
RESPONSES: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/xml": {}}, "description": "The capabilities of a WMTS."}
}
"""For the documentation of routes that answer with capabilities."""
_REQUEST = frozenset({"SERVICE", "REQUEST", "VERSION"})


class RequestParameters(DeliveryParameters):
    """What clients of a WMTS ask with, in whatever form; it changes nothing."""

    SERVICE: Literal["WMTS"] = Field("WMTS", description="As clients write it.")
    REQUEST: Literal["GetCapabilities"] = Field("GetCapabilities", description="As clients write it.")
    VERSION: Literal["1.0.0"] = Field("1.0.0", description="As clients write it.")


class CapabilitiesParameters(RequestParameters, TileParameters):
    """Those of the tiles."""


Capabilities = Annotated[CapabilitiesParameters, Query()]
CubeCapabilities = Annotated[RequestParameters, Query()]


@router.get("/WMTSCapabilities.xml", summary="WMTS for GIS", response_class=Response, responses=RESPONSES)
async def capabilities(request: Request, parameters: Capabilities) -> Response:
    """The capabilities of a WMTS with one layer, the tiles of this query, for QGIS, GDAL, ArcGIS and others."""
    parameters.ask()
    return await answer(request, WEB_MERCATOR, parameters.look(), parameters, "/tiles")


@router.get(
    "/{tileMatrixSetId}/WMTSCapabilities.xml",
    summary="WMTS of any grid",
    response_class=Response,
    responses=RESPONSES,
)
async def any_capabilities(request: Request, tms: TileMatrixSetId, parameters: Capabilities) -> Response:
    """The same for a grid of `/tileMatrixSets` whose rows are all as long."""
    parameters.ask()
    return await answer(request, tms, parameters.look(), parameters, "/tiles")


async def answer(
    request: Request, tms: str, look: Look, delivery: DeliveryParameters, path: str, covered: Bounds | None = None
) -> Response:
    """The capabilities of tiles below a path, which cover what the catalogue does if nothing else is said.

    The query is passed on to the tiles. Raises InvalidInput where a WMTS cannot describe them.
    """
    if delivery.buffer:
        what = "Tiles of a WMTS do not overlap."
        raise InvalidInput(what, parameter="buffer", valid="0")
    form = format_of(delivery.format or DEFAULT_FORMAT, look)
    covered = covered or await request.app.state.engine.searches.catalog.bounds()
    items = [(name, value) for name, value in request.query_params.multi_items() if name not in {*_REQUEST, "format"}]
    query = f"?{urlencode(items)}" if items else ""
    template = f"{path}/{quote(tms)}/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.{form.names[0]}{query}"
    base = base_url(request)
    grid = _grid(tms, delivery.tilesize)
    layer = _layer(look, tms, shown_bounds(tms, covered), form.media_type, base + template, _legend(base, path, items))
    service = _node(
        "ows:ServiceIdentification",
        _node("ows:Title", text=f"scog, {attribution(request)}"),
        _node("ows:ServiceType", text="OGC WMTS"),
        _node("ows:ServiceTypeVersion", text="1.0.0"),
    )
    root = _node("Capabilities", service, _node("Contents", layer, grid), version="1.0.0")
    root.attrib |= {"xmlns": WMTS, "xmlns:ows": OWS, "xmlns:xlink": XLINK}
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return with_etag(request, encoded(body), "application/xml", LINKED_SHORTLY)


def _legend(base: str, path: str, items: list[tuple[str, str]]) -> str:
    """The address of the legend of tiles below a path; a cube's needs no parameters."""
    query = f"?{urlencode(items)}" if items and path == "/tiles" else ""
    return f"{base}{path.removesuffix('/tiles')}/legend.png{query}"


def _layer(look: Look, tms: str, bounds: Bounds, media_type: str, template: str, legend: str) -> Element:
    west, south, east, north = bounds
    box = _node(
        "ows:WGS84BoundingBox",
        _node("ows:LowerCorner", text=f"{west:.9g} {south:.9g}"),
        _node("ows:UpperCorner", text=f"{east:.9g} {north:.9g}"),
    )
    style = _node(
        "Style",
        _node("ows:Identifier", text=STYLE),
        _node("LegendURL", format="image/png", **{"xlink:href": legend}),
        isDefault="true",
    )
    return _node(
        "Layer",
        _node("ows:Title", text=name_of(look)),
        box,
        _node("ows:Identifier", text=LAYER),
        style,
        _node("Format", text=media_type),
        _node("TileMatrixSetLink", _node("TileMatrixSet", text=tms)),
        _node("ResourceURL", format=media_type, resourceType="tile", template=template),
    )


def _grid(tms: str, size: int) -> Element:
    """A tile matrix set with tiles of so many pixels a side. Raises InvalidInput for one with rows of several lengths.

    Corners are in the order of the CRS's axes, as in the standard; a pixel of the scale 1 : 1 has 0.28 mm.
    """
    tiles = tile_matrix_set(tms)
    first, last = shown_zooms(tms)
    matrices = []
    for zoom in range(first, last + 1):
        matrix = tiles.matrix(zoom)
        if matrix.variableMatrixWidths:
            what = f"A WMTS cannot describe {tms}, whose rows have different lengths."
            raise InvalidInput(what, parameter="tileMatrixSetId", valid=WEB_MERCATOR)
        matrices.append(
            _node(
                "TileMatrix",
                _node("ows:Identifier", text=str(zoom)),
                _node("ScaleDenominator", text=repr(matrix.scaleDenominator * matrix.tileWidth / size)),
                _node("TopLeftCorner", text=" ".join(repr(float(edge)) for edge in matrix.pointOfOrigin)),
                _node("TileWidth", text=str(size)),
                _node("TileHeight", text=str(size)),
                _node("MatrixWidth", text=str(matrix.matrixWidth)),
                _node("MatrixHeight", text=str(matrix.matrixHeight)),
            )
        )
    return _node(
        "TileMatrixSet", _node("ows:Identifier", text=tms), _node("SupportedCRS", text=_crs_name(tms)), *matrices
    )


def _crs_name(tms: str) -> str:
    """The CRS of a grid as OGC writes it, with the order of axes that its corners have."""
    authority, _, code = crs_of(tms).partition(":")
    return f"urn:ogc:def:crs:{authority}:{'1.3' if authority == 'OGC' else ''}:{code}"


def _node(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    node = Element(name, attributes)
    node.text = text
    node.extend(children)
    return node
