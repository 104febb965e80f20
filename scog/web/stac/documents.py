"""What `/stac` says of itself: landing page, conformance, collections, queryables, and items with their links."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import scog
from scog.catalog.archive.archive import Archive
from scog.catalog.archive.asset_files import is_elsewhere, local_path
from scog.catalog.archive.item_query import Stored
from scog.temporal.intervals import rfc3339

GEOJSON, JSON, SCHEMA = "application/geo+json", "application/json", "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
_STAC, _OGC, _CQL = (
    "https://api.stacspec.org/v1.0.0",
    "http://www.opengis.net/spec",
    "http://www.opengis.net/spec/cql2/1.0",
)
CONFORMANCE = (
    *(f"{_STAC}/{name}" for name in ("core", "collections", "ogcapi-features", "item-search")),
    *(f"{_STAC}/{part}#{name}" for part in ("item-search", "ogcapi-features") for name in ("fields", "sort", "query")),
    "https://api.stacspec.org/v1.0.0-rc.3/item-search#filter",
    *(f"{_OGC}/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "geojson")),
    *(f"{_OGC}/ogcapi-features-3/1.0/conf/{name}" for name in ("filter", "features-filter")),
    *(f"{_CQL}/conf/{name}" for name in ("cql2-text", "cql2-json", "basic-cql2", "advanced-comparison-operators")),
    *(f"{_CQL}/conf/{name}" for name in ("case-insensitive-comparison", "accent-insensitive-comparison")),
    *(f"{_CQL}/conf/{name}" for name in ("basic-spatial-functions", "basic-spatial-functions-plus")),
    *(f"{_CQL}/conf/{name}" for name in ("spatial-functions", "temporal-functions", "array-functions")),
    *(f"{_CQL}/conf/{name}" for name in ("property-property", "arithmetic")),
)
STRUCTURE = frozenset({"self", "root", "parent", "collection", "items", "item", "child", "next", "prev", "search"})
"""Links that say where something lies among the others: always made anew."""


def link(rel: str, href: str, media: str = JSON, **more: Any) -> dict[str, Any]:
    """A link object."""
    return {"rel": rel, "type": media, "href": href, **more}


class Documents:
    """The documents of one archive, with links that begin with `base`. They are read from disk: use it in a thread."""

    def __init__(self, archive: Archive, base: str) -> None:
        self._archive = archive
        self._base = base
        self.root = f"{base}/stac"

    def landing(self) -> dict[str, Any]:
        """The entrance, as STAC API Core has it."""
        collections = self.collections()["collections"]
        links = [
            link("self", self.root),
            link("root", self.root),
            link("data", f"{self.root}/collections"),
            link("conformance", f"{self.root}/conformance"),
            link("search", f"{self.root}/search", GEOJSON, method="GET"),
            link("search", f"{self.root}/search", GEOJSON, method="POST"),
            link("service-desc", f"{self._base}/openapi.json", OPENAPI),
            link("service-doc", f"{self._base}/docs", "text/html"),
            link(QUERYABLES, f"{self.root}/queryables", SCHEMA),
            *(link("child", self.collection_url(entry["id"]), title=entry["title"]) for entry in collections),
        ]
        return {
            "type": "Catalog",
            "stac_version": "1.0.0",
            "id": "scog",
            "title": "scog's local archive",
            "description": f"The scenes that this server (scog {scog.__version__}) draws its maps from.",
            "conformsTo": list(CONFORMANCE),
            "links": links,
        }

    def names(self) -> list[str]:
        """The collections that have a name."""
        return [name for (name,) in self._archive.select("SELECT DISTINCT collection FROM items ORDER BY 1") if name]

    def collections(self) -> dict[str, Any]:
        """All collections."""
        links = [link("self", f"{self.root}/collections"), link("root", self.root), link("parent", self.root)]
        return {"collections": [self.collection(name) for name in self.names()], "links": links}

    def collection_url(self, name: str) -> str:
        """Where a collection is described."""
        return f"{self.root}/collections/{quote(name, safe='')}"

    def collection(self, name: str) -> dict[str, Any]:
        """A collection: as the archive describes it, else made from its items."""
        written = self._written(name)
        here = self.collection_url(name)
        made: dict[str, Any] = {
            "type": "Collection",
            "stac_version": "1.0.0",
            "id": name,
            "title": name,
            "description": f"The items of {name} in scog's local archive.",
            "license": "other",
        }
        if "extent" not in written:
            made["extent"] = self._extent(name)
        links = [
            link("self", here),
            link("root", self.root),
            link("parent", self.root),
            link("items", f"{here}/items", GEOJSON),
            link(QUERYABLES, f"{here}/queryables", SCHEMA),
            *_kept_links(written),
        ]
        return made | written | {"id": name, "type": "Collection", "links": links}

    def _written(self, name: str) -> dict[str, Any]:
        """The archive's own description of a collection, empty where there is none."""
        if name in (".", "..") or os.sep in name or "/" in name or "\0" in name:
            return {}
        path = self._archive.folder / name / "collection.json"
        try:
            if os.path.realpath(path) != str(path):  # never by a link out of the archive
                return {}
            found = json.loads(path.read_bytes(), parse_constant=lambda _: None)
        except (OSError, ValueError, RecursionError):
            return {}
        is_it = isinstance(found, dict) and found.get("type") == "Collection" and found.get("id") == name
        return found if is_it else {}

    def _extent(self, name: str) -> dict[str, Any]:
        [(west, south, east, north)] = self._archive.select(
            "SELECT min(west), min(south), max(east), max(north) FROM places JOIN items ON items.number = places.item "
            "WHERE collection = ?",
            (name,),
        )
        [(start, end)] = self._archive.select("SELECT min(start), max(ending) FROM items WHERE collection = ?", (name,))
        box = [max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)]
        return {"spatial": {"bbox": [box]}, "temporal": {"interval": [[_moment(start), _moment(end)]]}}

    def queryables(self, name: str | None) -> dict[str, Any]:
        """What can be filtered by: all properties; those of the newest item are named."""
        known: dict[str, Any] = {
            "id": {"type": "string"},
            "collection": {"type": "string"},
            "geometry": {"$ref": "https://geojson.org/schema/Geometry.json"},
            "datetime": {"type": "string", "format": "date-time"},
            "eo:cloud_cover": {"type": "number", "minimum": 0, "maximum": 100},
        }
        newest = self._archive.select(
            "SELECT item FROM items WHERE ?1 IS NULL OR collection = ?1 ORDER BY time DESC LIMIT 1", (name,)
        )
        properties = json.loads(newest[0][0])["properties"] if newest else {}
        named = {key: {"type": kind} for key, value in properties.items() if (kind := _KINDS.get(type(value)))}
        return {
            "$schema": "https://json-schema.org/draft/2019-09/schema",
            "$id": f"{self.root if name is None else self.collection_url(name)}/queryables",
            "type": "object",
            "title": f"What items {f'of {name} ' if name else ''}can be filtered by",
            "properties": named | known,
            "additionalProperties": True,
        }

    def item(self, stored: Stored) -> dict[str, Any]:
        """An item as stored, with links that lead here and assets that can be read from here."""
        item = dict(stored.item)
        collection = item.get("collection")
        links = [link("root", self.root)]
        if isinstance(collection, str) and collection:
            above = self.collection_url(collection)
            here = f"{above}/items/{quote(item['id'], safe='')}"
            links = [link("self", here, GEOJSON), *links, link("parent", above), link("collection", above)]
        else:
            links.append(link("parent", self.root))
        item["links"] = links + _kept_links(item)
        item["assets"] = self._assets(stored)
        return item

    def _assets(self, stored: Stored) -> dict[str, Any]:
        """The assets with complete links; without those that nobody could read: outside the archive, or no objects."""
        assets = {}
        for name, asset in stored.item.get("assets", {}).items():
            if not isinstance(asset, Mapping):
                continue
            href = asset.get("href")
            if not is_elsewhere(href):
                path = local_path(href, stored.path, self._archive.folder)
                if path is None:
                    continue
                href = f"{self.root}/files/{quote(path)}"
            assets[name] = {**asset, "href": href}
        return assets


_KINDS = {str: "string", float: "number", int: "number", bool: "boolean", list: "array", dict: "object"}


_OPEN = 253_402_214_400.0
"""The last day of the year 9999: an end that is open."""


def _moment(seconds: float) -> str | None:
    if seconds >= _OPEN:
        return None
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def _kept_links(written: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Links to the web that a document brings along, such as its license's."""
    links = written.get("links")
    return [
        entry
        for entry in (links if isinstance(links, list) else [])
        if isinstance(entry, dict)
        and isinstance(entry.get("rel"), str)
        and entry["rel"] not in STRUCTURE
        and str(entry.get("href")).startswith(("https://", "http://"))
    ]
