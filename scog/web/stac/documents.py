"""Documents of the STAC API: landing page, conformance, collections, queryables, and items with their links."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import scog
from scog.catalog.archive.archive import Archive
from scog.catalog.archive.asset_files import is_elsewhere, local_path
from scog.catalog.archive.item_query import StoredItem
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
STRUCTURAL_RELS = frozenset(
    {"self", "root", "parent", "collection", "items", "item", "child", "next", "prev", "search"}
)
"""Relation types that are generated, never copied from a stored document."""


def link(rel: str, href: str, media_type: str = JSON, **members: Any) -> dict[str, Any]:
    """A link object."""
    return {"rel": rel, "type": media_type, "href": href, **members}


def collection_url(root: str, spelling: str) -> str:
    """URL of a collection by its id in documents."""
    return f"{root}/collections/{quote(spelling, safe='')}"


class Documents:
    """Documents of one archive, with links that begin with `base`. Methods read from disk: call them in a thread.

    Other archives of the server may have collections and files of the same names. `spellings` are the ids in documents
    of collections that share their own, by their own; `files` is a prefix of the paths of files.
    """

    def __init__(
        self, archive: Archive, base: str, spellings: Mapping[str, str] | None = None, files: str = ""
    ) -> None:
        self.archive = archive
        self._base = base
        self._spellings = spellings or {}
        self._files = files
        self.root = f"{base}/stac"

    def spelling(self, name: str) -> str:
        """The id in documents of a collection."""
        return self._spellings.get(name, name)

    def landing(self, collections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The landing page (STAC API - Core) with links to collections, which are documents of `collection`."""
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
            *(link("child", collection_url(self.root, entry["id"]), title=entry["title"]) for entry in collections),
        ]
        return {
            "type": "Catalog",
            "stac_version": "1.0.0",
            "id": "scog",
            "title": "scog's local archive",
            "description": f"The scenes of this server (scog {scog.__version__}).",
            "conformsTo": list(CONFORMANCE),
            "links": links,
        }

    def names(self) -> list[str]:
        """Ids of all collections. Items without a collection are left out."""
        return [name for (name,) in self.archive.select("SELECT DISTINCT collection FROM items ORDER BY 1") if name]

    def collection_url(self, name: str) -> str:
        """URL of a collection."""
        return collection_url(self.root, self.spelling(name))

    def collection(self, name: str) -> dict[str, Any]:
        """A collection: the archive's `collection.json`, with missing members generated from the items."""
        stored = self.archive.collection_document(name)
        url = self.collection_url(name)
        generated: dict[str, Any] = {
            "type": "Collection",
            "stac_version": "1.0.0",
            "id": name,
            "title": self.spelling(name),
            "description": f"Items of {name} in scog's local archive.",
            "license": "other",
        }
        if "extent" not in stored:
            generated["extent"] = self._extent(name)
        links = [
            link("self", url),
            link("root", self.root),
            link("parent", self.root),
            link("items", f"{url}/items", GEOJSON),
            link(QUERYABLES, f"{url}/queryables", SCHEMA),
            *_external_links(stored),
        ]
        return generated | stored | {"id": self.spelling(name), "type": "Collection", "links": links}

    def _extent(self, name: str) -> dict[str, Any]:
        [(west, south, east, north)] = self.archive.select(
            "SELECT min(west), min(south), max(east), max(north) FROM places JOIN items ON items.number = places.item "
            "WHERE collection = ?",
            (name,),
        )
        [(start, end)] = self.archive.select("SELECT min(start), max(ending) FROM items WHERE collection = ?", (name,))
        box = [max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0)]
        return {
            "spatial": {"bbox": [box]},
            "temporal": {"interval": [[_rfc3339_or_open(start), _rfc3339_or_open(end)]]},
        }

    def queryables(self, name: str | None) -> dict[str, Any]:
        """JSON Schema of the queryables of a collection, or of all.

        All properties are queryable; those of the newest item are listed.
        """
        standard: dict[str, Any] = {
            "id": {"type": "string"},
            "collection": {"type": "string"},
            "geometry": {"$ref": "https://geojson.org/schema/Geometry.json"},
            "datetime": {"type": "string", "format": "date-time"},
            "eo:cloud_cover": {"type": "number", "minimum": 0, "maximum": 100},
        }
        newest = self.archive.select(
            "SELECT item FROM items WHERE ?1 IS NULL OR collection = ?1 ORDER BY time DESC LIMIT 1", (name,)
        )
        values = json.loads(newest[0][0])["properties"] if newest else {}
        properties = {
            key: {"type": json_type} for key, value in values.items() if (json_type := _JSON_TYPES.get(type(value)))
        }
        return {
            "$schema": "https://json-schema.org/draft/2019-09/schema",
            "$id": f"{self.root if name is None else self.collection_url(name)}/queryables",
            "type": "object",
            "title": f"Queryables{f' of {name}' if name else ''}",
            "properties": properties | standard,
            "additionalProperties": True,
        }

    def item(self, stored: StoredItem) -> dict[str, Any]:
        """A stored item with links to this server. Asset URLs are absolute, of this server or another host."""
        item = dict(stored.item)
        collection = item.get("collection")
        links = [link("root", self.root)]
        if isinstance(collection, str) and collection:
            parent = self.collection_url(collection)
            url = f"{parent}/items/{quote(item['id'], safe='')}"
            item["collection"] = self.spelling(collection)
            links = [link("self", url, GEOJSON), *links, link("parent", parent), link("collection", parent)]
        else:
            links.append(link("parent", self.root))
        item["links"] = links + _external_links(item)
        item["assets"] = self._assets(stored)
        return item

    def _assets(self, stored: StoredItem) -> dict[str, Any]:
        """The assets with absolute URLs, without those outside the archive and those that are not JSON objects."""
        assets = {}
        for name, asset in stored.item.get("assets", {}).items():
            if not isinstance(asset, Mapping):
                continue
            href = asset.get("href")
            if not is_elsewhere(href):
                path = local_path(href, stored.path, self.archive.folder)
                if path is None:
                    continue
                href = f"{self.root}/files/{quote(self._files + path)}"
            assets[name] = {**asset, "href": href}
        return assets


_JSON_TYPES = {str: "string", float: "number", int: "number", bool: "boolean", list: "array", dict: "object"}


_OPEN_END = 253_402_214_400.0
"""Unix time of 9999-12-31, which the index has for open ends."""


def _rfc3339_or_open(seconds: float) -> str | None:
    """Unix time as RFC 3339; None for an open end."""
    if seconds >= _OPEN_END:
        return None
    return rfc3339(datetime.fromtimestamp(seconds, UTC))


def _external_links(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The HTTP links of a stored document that are not structural, such as that to its license."""
    links = document.get("links")
    return [
        entry
        for entry in (links if isinstance(links, list) else [])
        if isinstance(entry, dict)
        and isinstance(entry.get("rel"), str)
        and entry["rel"] not in STRUCTURAL_RELS
        and str(entry.get("href")).startswith(("https://", "http://"))
    ]
