"""All cubes of one server. All are on disk, and the most recently used in memory."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from scog.catalog.observation import SceneSet
from scog.catalog.records import from_json, to_json
from scog.collections.profile import Profile
from scog.cubes.definition import Definition, cube_id, options_of, read_definition
from scog.cubes.store import CubeStore
from scog.errors import CatalogUnavailable, InvalidInput
from scog.imaging.clip import ClipArea, parse_clip_area
from scog.imaging.engine import Engine
from scog.imaging.options import StyledRequest
from scog.imaging.pinned import Pinned
from scog.runtime.singleflight import SingleFlight

log = logging.getLogger(__name__)

MAX_CACHED_CUBES = 256
"""Maximum number of cubes in memory."""
MAX_CACHED_SCENES = 20_000
"""Maximum number of pinned scenes in memory, of all cubes together. Each takes 4 KB."""


@dataclass(frozen=True, eq=False)
class _Stored:
    """A definition with its parsed area and pinned scenes."""

    id: str
    definition: Definition
    area: ClipArea | None
    pinned: Pinned | None

    @property
    def weight(self) -> int:
        """Number of pinned scenes."""
        return sum(len(period.scenes.scenes) for period in self.pinned.periods) if self.pinned else 0


@dataclass(frozen=True, eq=False)
class Cube(_Stored):
    """A cube that is ready to be drawn."""

    profile: Profile
    """What its collection is. Not cached with the cube: it may be derived anew."""
    collection: str | None = None
    """The definition's collection as requests name it: with its catalogue if the server has several."""

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object that defines the same cube in `POST /cubes`, also where other catalogues have its collection.

        The definition itself does not name the first catalogue, so that ids do not depend on how many there are.
        """
        collection = {} if self.collection is None else {"collection": self.collection}
        return {name: collection.get(name, value) for name, value in self.definition.document.items()}

    def styled_request(self) -> StyledRequest:
        """The image request and style.

        Raises InvalidInput for parameters that are no longer supported, CatalogUnavailable if the mask has names or
        numbers of a collection without a profile whose items cannot be read.
        """
        request, style = options_of(self.definition).parse(self.profile)
        if (request.mask.names or request.mask.numbers) and self.profile.is_unknown:
            message = f"What the cube's mask {request.mask.text} means cannot be read from its collection at present."
            raise CatalogUnavailable(message)
        return StyledRequest(
            replace(request, area=self.area, pinned=self.pinned, collection=self.collection or request.collection),
            style,
        )


@contextmanager
def open_cubes(engine: Engine) -> Iterator[Cubes]:
    """Open the cubes of an engine. They are stored on disk, unlike caches also for a local archive.

    They belong to the first catalogue, and their collection names another catalogue if they are made of it.
    """
    settings = engine.settings
    with ExitStack() as stack:
        store = CubeStore(settings.cache_dir, engine.catalogs.first.source, settings.cubes)
        stack.callback(store.close)
        cubes = Cubes(store, settings.cubes, engine.profile_of_spelling, engine.catalogs.of_first)
        stack.callback(cubes.close)
        yield cubes


class Cubes:
    """Cubes by id, with an LRU cache in memory. Used within one event loop."""

    def __init__(
        self,
        store: CubeStore,
        max_cubes: int,
        profile_of: Callable[[str | None], Awaitable[Profile]],
        name_of: Callable[[str | None], str | None] = lambda collection: collection,
    ) -> None:
        """`profile_of` and `name_of` take the collection of a definition, and return its profile and its name now."""
        self._store = store
        self._profile_of = profile_of
        self._name_of = name_of
        self._max_cached = min(max_cubes, MAX_CACHED_CUBES)
        self._cache: OrderedDict[str, _Stored] = OrderedDict()
        self._loading: SingleFlight[str, _Stored | None] = SingleFlight()
        self._used: dict[str, None] = {}
        """Ids of cubes used since the last write to the store, least recently used first."""

    async def add(self, definition: Definition, pinned: Pinned | None) -> tuple[Cube, bool, bool]:
        """Store a cube. Returns the cube, whether it is new, and whether it survives a restart."""
        cube, scenes = await asyncio.to_thread(self._new, definition, pinned)  # 0.1 s for many scenes
        existing = await self._get(cube.id)
        cube = self._add_to_cache(existing or cube)
        text = json.dumps(definition.document)
        lasting = await asyncio.to_thread(self._put, cube.id, text, scenes, self._take_used())
        return await self._described(cube), existing is None, lasting

    async def get(self, name: str) -> Cube | None:
        """The cube with the id `name`; None if there is none, it was evicted, or it cannot be read."""
        cube = await self._get(name)
        return None if cube is None else await self._described(cube)

    async def _get(self, name: str) -> _Stored | None:
        if name in self._cache:
            self._cache.move_to_end(name)
            self._used.pop(name, None)
            self._used[name] = None
            return self._cache[name]
        return await self._loading.join(name, lambda: self._load(name))

    def close(self) -> None:
        """Write the order of last use to the store."""
        if self._used:
            self._store.use(self._take_used())

    async def _described(self, cube: _Stored) -> Cube:
        """The cube with what its collection is now. Collections without a profile may have to be read for it."""
        collection = cube.definition.parameters.get("collection")
        profile = await self._profile_of(collection)
        return Cube(cube.id, cube.definition, cube.area, cube.pinned, profile, self._name_of(collection))

    async def _load(self, name: str) -> _Stored | None:
        cube = await asyncio.to_thread(self._read, name, self._take_used())
        return None if cube is None else self._add_to_cache(cube)

    def _add_to_cache(self, cube: _Stored) -> _Stored:
        self._cache[cube.id] = cube
        self._cache.move_to_end(cube.id)
        weight = sum(cached.weight for cached in self._cache.values())
        while len(self._cache) > self._max_cached or (weight > MAX_CACHED_SCENES and len(self._cache) > 1):
            _, evicted = self._cache.popitem(last=False)
            weight -= evicted.weight
        return cube

    def _take_used(self) -> list[str]:
        used, self._used = list(self._used), {}
        return used

    def _put(self, name: str, definition: str, scenes: str | None, used: list[str]) -> bool:
        self._store.use(used)
        return self._store.put(name, definition, scenes) and self._store.lasting

    def _read(self, name: str, used: list[str]) -> _Stored | None:
        self._store.use(used)
        row = self._store.get(name)
        if row is None:
            return None
        self._store.use([name])
        definition, scenes = row
        try:
            return _stored(name, read_definition(definition), None if scenes is None else _parse_scenes(scenes))
        except (InvalidInput, LookupError, ValueError, TypeError, AttributeError) as error:
            log.warning("cube %s cannot be read: %s", name, error)
            return None

    def _new(self, definition: Definition, pinned: Pinned | None) -> tuple[_Stored, str | None]:
        """A cube with its id, and its pinned scenes as text."""
        scenes = None if pinned is None else _format_scenes(pinned)
        return _stored(cube_id(definition, scenes), definition, pinned), scenes


def _stored(name: str, definition: Definition, pinned: Pinned | None) -> _Stored:
    return _Stored(name, definition, parse_clip_area(None, definition.area), pinned)


def _format_scenes(pinned: Pinned) -> str:
    """Pinned scenes as JSON, in their total order, so that equal scenes give equal text."""
    scenes = sorted(pinned.scenes.scenes, key=lambda scene: scene.sort_key)
    compared = "" if pinned.compared is None else f', "compared": {_format_scenes(pinned.compared)}'
    return f'{{"truncated": {json.dumps(pinned.truncated)}, "scenes": {to_json(scenes)}{compared}}}'


def _parse_scenes(text: str) -> Pinned:
    return _pinned(json.loads(text))


def _pinned(record: dict[str, Any]) -> Pinned:
    scenes, compared = from_json(json.dumps(record["scenes"])), record.get("compared")
    return Pinned(SceneSet(scenes), bool(record["truncated"]), None if compared is None else _pinned(compared))
