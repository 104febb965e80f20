"""`/collections`: what `collection` may name, in all catalogues of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse

from scog.catalog.archive.archive import Archive
from scog.catalog.search import Searches
from scog.collections.profile import Profile
from scog.errors import CatalogUnavailable, InvalidInput, OutOfRange
from scog.imaging.engine import Engine
from scog.net.policy import display_url
from scog.runtime.tasks import gather_all
from scog.web.http.links import base_url
from scog.web.http.problems import PROBLEMS
from scog.web.http.query_route import QueryRoute
from scog.web.params.image import reject_repeated
from scog.web.routes.listings import NoQuery, names_json
from scog.web.stac.documents import Documents

router = APIRouter(
    tags=["listings"], dependencies=[Depends(reject_repeated)], responses=PROBLEMS, route_class=QueryRoute
)
HEADERS = {"Cache-Control": "public, max-age=60", "Vary": "Host"}
SHOWN = ("title", "description", "license", "extent")
"""Members of STAC Collections that are shown."""
CollectionName = Annotated[str, Path(description="Id of a collection, or `ID@CATALOGUE`.")]


@router.get("/collections", summary="Collections", response_description="The collections, by catalogue.")
async def list_collections(request: Request, parameters: NoQuery) -> JSONResponse:
    """The collections of all catalogues. `name` is what `collection` accepts: `ID@CATALOGUE` if several have the id.

    `catalogs` lists the catalogues. One that does not answer has an `error` instead of collections.
    """
    engine: Engine = request.app.state.engine
    members = list(engine.catalogs)
    lists = await gather_all(_documents(member) for member in members)
    base = base_url(request)
    collections = [
        collection_json(member, name, document, await engine.catalogs.listed(name, member), base)
        for member, documents in zip(members, lists, strict=True)
        for name, document in (documents or {}).items()
    ]
    catalogs = [
        _catalog_json(member, is_silent=documents is None) for member, documents in zip(members, lists, strict=True)
    ]
    return JSONResponse({"collections": collections, "catalogs": catalogs}, headers=HEADERS)


@router.get("/collections/{name}", summary="A collection", response_description="The collection.")
async def one_collection(request: Request, name: CollectionName, parameters: NoQuery) -> JSONResponse:
    """A collection by its id, or by `ID@CATALOGUE` if several catalogues have the id, with its profile.

    The profile is what scog believes of the collection, and from where: bands with scale, unit and range, presets,
    quantities, masks and defaults.
    """
    engine: Engine = request.app.state.engine
    try:
        member, collection = await engine.catalogs.of(name)
        documents = await _documents(member)
        if documents is None:
            raise member.collections.error or CatalogUnavailable(f"The catalogue {member.name} does not answer.")
        collection = collection or member.collection or ""
        await engine.catalogs.check(collection, member)
    except InvalidInput as error:
        raise OutOfRange(str(error), parameter="name", valid=error.valid) from None
    shortest = await engine.catalogs.listed(collection, member)
    body = collection_json(member, collection, documents[collection], shortest, base_url(request))
    profile = await engine.profiles.of(member, collection)
    return JSONResponse(body | {"profile": profile_json(profile)}, headers=HEADERS)


def collection_json(
    member: Searches, collection: str, document: Mapping[str, Any], name: str, base: str
) -> dict[str, Any]:
    """What is known of a collection of a catalogue.

    `document` has members of its STAC Collection. `name` is what requests call it, with its catalogue if needed.
    """
    return {
        "name": name,
        "id": collection,
        "catalog": member.name,
        "needs_catalog": name != collection,
        "default": collection == member.collection,
        **{key: document[key] for key in SHOWN if key in document},
        "title": _title(member, collection, document),
        "links": [
            {"rel": "self", "href": f"{base}/collections/{quote(name, safe='@')}", "type": "application/json"},
            {
                "rel": "tilejson",
                "href": f"{base}/tilejson.json?{urlencode({'collection': name}, safe='@')}",
                "type": "application/json",
            },
        ],
    }


def _title(member: Searches, collection: str, document: Mapping[str, Any]) -> str:
    """The title in a collection's document; if that has none but the id, the one of its profile, if there is one."""
    title = str(document.get("title") or collection)
    is_known = bool(member.catalog.profiles.candidates(collection))
    return member.profile(collection).title if title == collection and is_known else title


def profile_json(profile: Profile) -> dict[str, Any]:
    """What scog believes of a collection, and from where."""
    mask = profile.mask
    return {
        "name": profile.name,
        "title": profile.title,
        "source": profile.source,
        "attribution": profile.attribution or None,
        "default": profile.default,
        "period_days": profile.period_days,
        "static": profile.static,
        "cloud_filter": profile.cloud_filter,
        "offset_rule": profile.offset_rule,
        "mask": None
        if mask is None
        else {
            "band": mask.band,
            "default": profile.default_mask,
            "sets": {name: sorted(numbers) for name, numbers in mask.sets.items()},
            "names": dict(mask.names),
            "bits": mask.bits,
        },
        **names_json(profile),
    }


async def _documents(member: Searches) -> Mapping[str, Mapping[str, Any]] | None:
    """The collections of a catalogue by id; None if it does not answer."""
    catalog = member.catalog
    if not isinstance(catalog, Archive):
        return await member.collections.documents()

    def read() -> dict[str, Mapping[str, Any]]:
        documents = Documents(catalog, "")
        return {name: documents.collection(name) for name in documents.names()}

    return await asyncio.to_thread(read)


def _catalog_json(member: Searches, *, is_silent: bool) -> dict[str, Any]:
    """A catalogue: its name, kind and default collection (null for all of an archive). Local folders are not shown."""
    kind = {"type": "api", "href": display_url(member.source)} if member.catalog.is_live else {"type": "archive"}
    error = {"error": str(member.collections.error)} if is_silent else {}
    return {"name": member.name, **kind, "default_collection": member.collection, **error}
