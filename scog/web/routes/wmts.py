"""`/WMTSCapabilities.xml`: the tiles as a layer of OGC's Web Map Tile Service 1.0 (07-057r7), in its RESTful form."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlencode
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from scog.errors import InvalidInput
from scog.geo.footprint import Bounds
from scog.geo.grid import WEB_MERCATOR, crs_of, tile_matrix_set
from scog.imaging.formats import format_of
from scog.imaging.image_cache import encoded
from scog.imaging.options import StyledRequest
from scog.render.style import Style
from scog.web.http.image_response import DEFAULT_FORMAT
from scog.web.http.links import base_url
from scog.web.http.ows import KEYS, OWS, VERSION, OwsRoute, media_type, negotiate
from scog.web.http.problems import REFUSALS
from scog.web.http.responses import with_etag
from scog.web.params.image import DeliveryParameters, Text, TileMatrixSetId, TileParameters, no_doubles
from scog.web.routes.tilejson import LINKED_SHORTLY, extent_of, name_of

router = APIRouter(tags=["map clients"], dependencies=[Depends(no_doubles)], responses=REFUSALS, route_class=OwsRoute)

WMTS, XLINK = "http://www.opengis.net/wmts/1.0", "http://www.w3.org/1999/xlink"
LAYER, STYLE = "scog", "default"
RESPONSES: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/xml": {}}, "description": "The capabilities of a WMTS."}
}
"""For the documentation of routes that answer with capabilities."""


class RequestParameters(DeliveryParameters):
    """What clients of a WMTS ask with; names and these values in any case."""

    SERVICE: Annotated[str, Field(pattern="(?i)^WMTS$")] = Field("WMTS", description="`WMTS`.")
    REQUEST: Annotated[str, Field(pattern="(?i)^GetCapabilities$")] = Field(
        "GetCapabilities", description="`GetCapabilities`; tiles have addresses of their own."
    )
    VERSION: Annotated[str, Field(pattern=r"^\d{1,2}(\.\d{1,2}){0,2}$")] = Field(
        VERSION, description="The version that the client would like; there is 1.0.0 only."
    )
    AcceptVersions: Text | None = Field(None, description="The versions that the client takes, with commas between.")
    AcceptFormats: Text | None = Field(None, description="`application/xml` (the default) or `text/xml`.")
    Sections: Text | None = Field(None, description="Which parts are wanted; all are sent.")
    UpdateSequence: Text | None = Field(None, description="Changes nothing.")


class CapabilitiesParameters(RequestParameters, TileParameters):
    """Those of the tiles."""


Capabilities = Annotated[CapabilitiesParameters, Query()]


@router.get("/WMTSCapabilities.xml", summary="WMTS for GIS", response_class=Response, responses=RESPONSES)
async def capabilities(request: Request, parameters: Capabilities) -> Response:
    """The capabilities of a WMTS with one layer, the tiles of this query, for QGIS, GDAL, ArcGIS and others."""
    return await answer(request, WEB_MERCATOR, parameters.parse(), parameters, "/tiles")


@router.get(
    "/{tileMatrixSetId}/WMTSCapabilities.xml",
    summary="WMTS of any grid",
    response_class=Response,
    responses=RESPONSES,
)
async def any_capabilities(request: Request, tms: TileMatrixSetId, parameters: Capabilities) -> Response:
    """The same for a grid of `/tileMatrixSets` whose rows are all as long."""
    return await answer(request, tms, parameters.parse(), parameters, "/tiles")


async def answer(request: Request, tms: str, image: StyledRequest, delivery: RequestParameters, path: str) -> Response:
    """The capabilities of tiles below a path, which cover the asked area, or what the asked collection does.

    The query is passed on to the tiles. Raises InvalidInput where a WMTS cannot describe them.
    """
    negotiate(delivery.AcceptVersions)
    if delivery.buffer:
        what = "Tiles of a WMTS do not overlap."
        raise InvalidInput(what, parameter="buffer", valid="0")
    form = format_of(delivery.format or DEFAULT_FORMAT, image.style)
    shown = await extent_of(request, tms, image.request)
    asked = [(name, value) for name, value in request.query_params.multi_items() if name not in KEYS]
    items = [(name, value) for name, value in asked if name != "format"]
    query = f"?{urlencode(items)}" if items else ""
    template = f"{path}/{quote(tms)}/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.{form.names[0]}{query}"
    base = base_url(request)
    grid = _grid(tms, delivery.tilesize, shown.zooms)
    layer = _layer(image.style, tms, shown.bounds, form.media_type, base + template, _legend(base, path, items))
    service = _node(
        "ows:ServiceIdentification",
        _node("ows:Title", text=", ".join(filter(None, ("scog", shown.attribution)))),
        _node("ows:ServiceType", text="OGC WMTS"),
        _node("ows:ServiceTypeVersion", text=VERSION),
    )
    address = base + quote(request.scope["path"]) + (f"?{urlencode(asked)}" if asked else "")
    here = _node("ServiceMetadataURL", **{"xlink:href": address})
    root = _node("Capabilities", service, _node("Contents", layer, grid), here, version=VERSION)
    root.attrib |= {"xmlns": WMTS, "xmlns:ows": OWS, "xmlns:xlink": XLINK}
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return with_etag(request, encoded(body), media_type(delivery.AcceptFormats), LINKED_SHORTLY)


def _legend(base: str, path: str, items: list[tuple[str, str]]) -> str:
    """The address of the legend of tiles below a path; a cube's needs no parameters."""
    query = f"?{urlencode(items)}" if items and path == "/tiles" else ""
    return f"{base}{path.removesuffix('/tiles')}/legend.png{query}"


def _layer(style: Style, tms: str, bounds: Bounds, media_type: str, template: str, legend: str) -> Element:
    west, south, east, north = bounds
    box = _node(
        "ows:WGS84BoundingBox",
        _node("ows:LowerCorner", text=f"{west:.9g} {south:.9g}"),
        _node("ows:UpperCorner", text=f"{east:.9g} {north:.9g}"),
    )
    shown = _node(
        "Style",
        _node("ows:Identifier", text=STYLE),
        _node("LegendURL", format="image/png", **{"xlink:href": legend}),
        isDefault="true",
    )
    return _node(
        "Layer",
        _node("ows:Title", text=name_of(style)),
        box,
        _node("ows:Identifier", text=LAYER),
        shown,
        _node("Format", text=media_type),
        _node("TileMatrixSetLink", _node("TileMatrixSet", text=tms)),
        _node("ResourceURL", format=media_type, resourceType="tile", template=template),
    )


def _grid(tms: str, size: int, zooms: tuple[int, int]) -> Element:
    """A tile matrix set with tiles of so many pixels a side. Raises InvalidInput for one with rows of several lengths.

    Corners are in the order of the CRS's axes, as in the standard; a pixel of the scale 1 : 1 has 0.28 mm.
    """
    tiles = tile_matrix_set(tms)
    matrices = []
    for zoom in range(zooms[0], zooms[1] + 1):
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
        "TileMatrixSet", _node("ows:Identifier", text=tms), _node("ows:SupportedCRS", text=_crs_name(tms)), *matrices
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
