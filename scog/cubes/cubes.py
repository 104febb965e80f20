"""All cubes of one server: those in use in memory, the others on disk."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from scog.catalog.observation import SceneSet
from scog.catalog.records import from_json, to_json
from scog.cubes.definition import Definition, id_of, options_of, read_definition
from scog.cubes.store import CubeStore
from scog.errors import InvalidInput
from scog.imaging.clip import ClipArea, area_of
from scog.imaging.engine import Engine
from scog.imaging.options import StyledRequest
from scog.imaging.pinned import Pinned
from scog.runtime.singleflight import SingleFlight

log = logging.getLogger(__name__)

IN_MEMORY = 256
SCENES_IN_MEMORY = 20_000
"""Of all cubes in memory together; 4 KB each."""


@dataclass(frozen=True, eq=False)
class Cube:
    """A definition with its area and its pinned scenes, ready to be drawn."""

    id: str
    definition: Definition
    area: ClipArea | None
    pinned: Pinned | None

    def image(self) -> StyledRequest:
        """What is drawn of it, and how it looks. Raises InvalidInput where it was defined in an older scog's terms."""
        request, style = options_of(self.definition).parse()
        return StyledRequest(replace(request, area=self.area, pinned=self.pinned), style)

    @property
    def weight(self) -> int:
        """Scenes that it holds."""
        return sum(len(each.scenes.scenes) for each in self.pinned.periods) if self.pinned else 0


@contextmanager
def open_cubes(engine: Engine) -> Iterator[Cubes]:
    """The cubes of an engine's catalogue. They are on disk for a local archive too: no source has them otherwise."""
    settings = engine.settings
    with ExitStack() as stack:
        store = CubeStore(settings.cache_dir, engine.source, settings.cubes)
        stack.callback(store.close)
        cubes = Cubes(store, settings.cubes)
        stack.callback(cubes.close)
        yield cubes


class Cubes:
    """Cubes by id. Made and used within one event loop."""

    def __init__(self, store: CubeStore, most: int) -> None:
        self._store = store
        self._most = min(most, IN_MEMORY)
        self._kept: OrderedDict[str, Cube] = OrderedDict()
        self._restoring: SingleFlight[str, Cube | None] = SingleFlight()
        self._used: dict[str, None] = {}
        """Cubes used from memory since the store was last told, in the order of their last use."""

    async def add(self, definition: Definition, pinned: Pinned | None) -> tuple[Cube, bool, bool]:
        """Keep a cube; also whether it is new, and whether it survives a restart."""
        cube, scenes = await asyncio.to_thread(_frozen, definition, pinned)  # many scenes take a tenth of a second
        known = await self.get(cube.id)
        cube = self._keep(known or cube)
        text = json.dumps(definition.document)
        lasting = await asyncio.to_thread(self._put, cube.id, text, scenes, self._take_used())
        return cube, known is None, lasting

    async def get(self, name: str) -> Cube | None:
        """The cube of an id, if it is not forgotten."""
        if name in self._kept:
            self._kept.move_to_end(name)
            self._used.pop(name, None)
            self._used[name] = None
            return self._kept[name]
        return await self._restoring.join(name, lambda: self._restore(name))

    def close(self) -> None:
        """Tell the store what was used."""
        if self._used:
            self._store.use(self._take_used())

    async def _restore(self, name: str) -> Cube | None:
        cube = await asyncio.to_thread(self._restored, name, self._take_used())
        return None if cube is None else self._keep(cube)

    def _keep(self, cube: Cube) -> Cube:
        self._kept[cube.id] = cube
        self._kept.move_to_end(cube.id)
        weight = sum(each.weight for each in self._kept.values())
        while len(self._kept) > self._most or (weight > SCENES_IN_MEMORY and len(self._kept) > 1):
            _, dropped = self._kept.popitem(last=False)
            weight -= dropped.weight
        return cube

    def _take_used(self) -> list[str]:
        used, self._used = list(self._used), {}
        return used

    def _put(self, name: str, definition: str, scenes: str | None, used: list[str]) -> bool:
        self._store.use(used)
        return self._store.put(name, definition, scenes) and self._store.lasting

    def _restored(self, name: str, used: list[str]) -> Cube | None:
        self._store.use(used)
        found = self._store.get(name)
        if found is None:
            return None
        self._store.use([name])
        try:
            definition = read_definition(found[0])
            return _made(name, definition, None if found[1] is None else _read(found[1]))
        except (InvalidInput, LookupError, ValueError, TypeError, AttributeError) as fault:
            log.warning("the cube %s cannot be read: %s", name, fault)
            return None


def _frozen(definition: Definition, pinned: Pinned | None) -> tuple[Cube, str | None]:
    """A new cube, and its scenes as they are kept."""
    scenes = None if pinned is None else _written(pinned)
    return _made(id_of(definition, scenes), definition, pinned), scenes


def _made(name: str, definition: Definition, pinned: Pinned | None) -> Cube:
    return Cube(name, definition, area_of(None, definition.area), pinned)


def _written(pinned: Pinned) -> str:
    """Pinned scenes as text, in their total order, so that the same scenes are the same text."""
    scenes = sorted(pinned.scenes.scenes, key=lambda scene: scene.order)
    compared = "" if pinned.compared is None else f', "compared": {_written(pinned.compared)}'
    return f'{{"truncated": {json.dumps(pinned.truncated)}, "scenes": {to_json(scenes)}{compared}}}'


def _read(text: str) -> Pinned:
    return _pinned(json.loads(text))


def _pinned(record: dict[str, Any]) -> Pinned:
    scenes, compared = from_json(json.dumps(record["scenes"])), record.get("compared")
    return Pinned(SceneSet(scenes), bool(record["truncated"]), None if compared is None else _pinned(compared))
