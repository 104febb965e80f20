"""`/WMTSCapabilities.xml`: tiles as a layer of an OGC Web Map Tile Service 1.0 (07-057r7), RESTful encoding."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlencode
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from scog.errors import InvalidInput
from scog.geo.footprint import Bounds
from scog.geo.grid import WEB_MERCATOR, tile_matrix_set, tile_matrix_set_crs
from scog.imaging.formats import format_of
from scog.imaging.image_cache import encoded_image
from scog.imaging.options import StyledRequest
from scog.render.style import Style
from scog.web.http.image_response import DEFAULT_FORMAT
from scog.web.http.links import base_url
from scog.web.http.ows import KEYS, OWS, VERSION, OwsRoute, check_versions, media_type
from scog.web.http.problems import REQUEST_PROBLEMS
from scog.web.http.responses import with_etag
from scog.web.params.image import OutputParameters, Text, TileMatrixSetId, TileParameters, reject_repeated
from scog.web.routes.tilejson import SHORT_LINK_HEADERS, layer_extent, layer_name

router = APIRouter(
    tags=["map clients"], dependencies=[Depends(reject_repeated)], responses=REQUEST_PROBLEMS, route_class=OwsRoute
)

WMTS, XLINK = "http://www.opengis.net/wmts/1.0", "http://www.w3.org/1999/xlink"
LAYER, STYLE = "scog", "default"
RESPONSES: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/xml": {}}, "description": "The capabilities document."}
}
"""OpenAPI responses of routes that return capabilities."""


class WmtsParameters(OutputParameters):
    """Parameters of GetCapabilities. Names, and the values of SERVICE and REQUEST, are case-insensitive."""

    SERVICE: Annotated[str, Field(pattern="(?i)^WMTS$")] = Field("WMTS", description="`WMTS`.")
    REQUEST: Annotated[str, Field(pattern="(?i)^GetCapabilities$")] = Field(
        "GetCapabilities", description="`GetCapabilities`. Tiles are available at the URL template only (RESTful)."
    )
    VERSION: Annotated[str, Field(pattern=r"^\d{1,2}(\.\d{1,2}){0,2}$")] = Field(
        VERSION, description="Requested version. The response is always version 1.0.0."
    )
    AcceptVersions: Text | None = Field(None, description="Versions that the client accepts, separated by commas.")
    AcceptFormats: Text | None = Field(
        None, description="Media type of the response: `application/xml` (the default) or `text/xml`."
    )
    Sections: Text | None = Field(None, description="Ignored: the response has all sections.")
    UpdateSequence: Text | None = Field(None, description="Ignored.")


class CapabilitiesParameters(WmtsParameters, TileParameters):
    """Parameters of GetCapabilities, and of the tiles."""


CapabilitiesQuery = Annotated[CapabilitiesParameters, Query()]


@router.get("/WMTSCapabilities.xml", summary="WMTS capabilities", response_class=Response, responses=RESPONSES)
async def capabilities(request: Request, parameters: CapabilitiesQuery) -> Response:
    """Capabilities of a WMTS for QGIS, GDAL, ArcGIS and others. Its one layer has the tiles of this query string."""
    return await capabilities_response(request, WEB_MERCATOR, await parameters.parse(request), parameters, "/tiles")


@router.get(
    "/{tileMatrixSetId}/WMTSCapabilities.xml",
    summary="WMTS capabilities for any tile matrix set",
    response_class=Response,
    responses=RESPONSES,
)
async def any_capabilities(request: Request, tms: TileMatrixSetId, parameters: CapabilitiesQuery) -> Response:
    """As `/WMTSCapabilities.xml`. Tile matrix sets with variable widths are not supported, as WMTS 1.0 has none."""
    return await capabilities_response(request, tms, await parameters.parse(request), parameters, "/tiles")


async def capabilities_response(
    request: Request, tms: str, image: StyledRequest, parameters: WmtsParameters, path: str
) -> Response:
    """Capabilities of the tiles below a path. Bounds are those of the request's area, else of its collection.

    The query string is copied to the tiles' URL. Raises InvalidInput if a WMTS cannot describe the tiles,
    VersionNegotiationFailed if the client does not accept version 1.0.0.
    """
    check_versions(parameters.AcceptVersions)
    if parameters.buffer:
        message = f"buffer is {parameters.buffer:g}, but tiles of a WMTS cannot overlap."
        raise InvalidInput(message, parameter="buffer", valid="0")
    image_format = format_of(parameters.format or DEFAULT_FORMAT, image.style)
    extent = await layer_extent(request, tms, image.request)
    image_query = [(name, value) for name, value in request.query_params.multi_items() if name not in KEYS]
    tile_query = [(name, value) for name, value in image_query if name != "format"]
    query = f"?{urlencode(tile_query)}" if tile_query else ""
    template = f"{path}/{quote(tms)}/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.{image_format.names[0]}{query}"
    base = base_url(request)
    legend = _legend_url(base, path, tile_query)
    layer = _layer(image.style, tms, extent.bounds, image_format.media_type, base + template, legend)
    service = _element(
        "ows:ServiceIdentification",
        _element("ows:Title", text=", ".join(filter(None, ("scog", extent.attribution)))),
        _element("ows:ServiceType", text="OGC WMTS"),
        _element("ows:ServiceTypeVersion", text=VERSION),
    )
    url = base + quote(request.scope["path"]) + (f"?{urlencode(image_query)}" if image_query else "")
    contents = _element("Contents", layer, _tile_matrix_set(tms, parameters.tilesize, extent.zooms))
    metadata_url = _element("ServiceMetadataURL", **{"xlink:href": url})
    root = _element("Capabilities", service, contents, metadata_url, version=VERSION)
    root.attrib |= {"xmlns": WMTS, "xmlns:ows": OWS, "xmlns:xlink": XLINK}
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return with_etag(request, encoded_image(body), media_type(parameters.AcceptFormats), SHORT_LINK_HEADERS)


def _legend_url(base: str, path: str, tile_query: list[tuple[str, str]]) -> str:
    """URL of the legend of the tiles below a path. A cube's legend takes no parameters."""
    query = f"?{urlencode(tile_query)}" if tile_query and path == "/tiles" else ""
    return f"{base}{path.removesuffix('/tiles')}/legend.png{query}"


def _layer(style: Style, tms: str, bounds: Bounds, media_type: str, template: str, legend: str) -> Element:
    west, south, east, north = bounds
    box = _element(
        "ows:WGS84BoundingBox",
        _element("ows:LowerCorner", text=f"{west:.9g} {south:.9g}"),
        _element("ows:UpperCorner", text=f"{east:.9g} {north:.9g}"),
    )
    style_element = _element(
        "Style",
        _element("ows:Identifier", text=STYLE),
        _element("LegendURL", format="image/png", **{"xlink:href": legend}),
        isDefault="true",
    )
    return _element(
        "Layer",
        _element("ows:Title", text=layer_name(style)),
        box,
        _element("ows:Identifier", text=LAYER),
        style_element,
        _element("Format", text=media_type),
        _element("TileMatrixSetLink", _element("TileMatrixSet", text=tms)),
        _element("ResourceURL", format=media_type, resourceType="tile", template=template),
    )


def _tile_matrix_set(tms: str, size: int, zooms: tuple[int, int]) -> Element:
    """A tile matrix set with tiles of `size` pixels. Raises InvalidInput if it has variable matrix widths.

    Corners are in the axis order of the CRS, and scale denominators are for pixels of 0.28 mm (07-057r7, 6.1).
    """
    tiles = tile_matrix_set(tms)
    matrices = []
    for zoom in range(zooms[0], zooms[1] + 1):
        matrix = tiles.matrix(zoom)
        if matrix.variableMatrixWidths:
            message = f"A WMTS cannot describe {tms}, which has variable matrix widths."
            raise InvalidInput(message, parameter="tileMatrixSetId", valid=WEB_MERCATOR)
        matrices.append(
            _element(
                "TileMatrix",
                _element("ows:Identifier", text=str(zoom)),
                _element("ScaleDenominator", text=repr(matrix.scaleDenominator * matrix.tileWidth / size)),
                _element("TopLeftCorner", text=" ".join(repr(float(edge)) for edge in matrix.pointOfOrigin)),
                _element("TileWidth", text=str(size)),
                _element("TileHeight", text=str(size)),
                _element("MatrixWidth", text=str(matrix.matrixWidth)),
                _element("MatrixHeight", text=str(matrix.matrixHeight)),
            )
        )
    return _element(
        "TileMatrixSet",
        _element("ows:Identifier", text=tms),
        _element("ows:SupportedCRS", text=_crs_name(tms)),
        *matrices,
    )


def _crs_name(tms: str) -> str:
    """URN of the CRS. Corners are in its axis order."""
    authority, _, code = tile_matrix_set_crs(tms).partition(":")
    return f"urn:ogc:def:crs:{authority}:{'1.3' if authority == 'OGC' else ''}:{code}"


def _element(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    node = Element(name, attributes)
    node.text = text
    node.extend(children)
    return node
