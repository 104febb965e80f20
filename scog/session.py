"""Sessions: scog for notebooks and scripts, without a server. Synchronous, also inside a running event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime as Datetime
from pathlib import Path
from typing import Any, Self, TypedDict, TypeVar, Unpack

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pydantic import ValidationError

from scog.catalog.scene import Scene
from scog.composite.change import Change
from scog.composite.mask import parse_mask
from scog.errors import DeadlineExceeded, InvalidInput
from scog.geo.bbox import VALID_BOX, bounds_of
from scog.geo.bounds import DEGREES
from scog.geo.crop_grid import UTM, Box, Size, cut_grid
from scog.geo.crs import parse_crs
from scog.geo.grid import Grid, place_grid
from scog.imaging.clip import area_in
from scog.imaging.draw import draw
from scog.imaging.engine import Engine, open_engine
from scog.imaging.formats import format_of
from scog.imaging.options import ImageOptions, StyledRequest
from scog.imaging.request import ImageData, ImageRequest, SceneFilter
from scog.imaging.source_lattice import source_lattice
from scog.net.policy import UpstreamStats
from scog.products.areas.area_of_interest import AreaOfInterest, parse_fields, point
from scog.products.crop import check_size, cut_out
from scog.products.scene_list import box_grid, list_scenes
from scog.products.timeseries.model import Row
from scog.products.timeseries.series import take
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import formula_of
from scog.products.zonal.summary import Summary, Wanted
from scog.products.zonal.zonal import Unmeasured, zonal
from scog.render.ramp import parse_rescale
from scog.runtime.tasks import stop_all
from scog.settings import Settings
from scog.suggest import did_you_mean
from scog.temporal.intervals import parse_interval
from scog.warp.resample import Resampling

T = TypeVar("T")
KNOWN_SETTINGS = "see docs/reference/settings.md"
Geometry = Mapping[str, Any]
"""A GeoJSON geometry, Feature or FeatureCollection in degrees, longitude first."""


class Options(TypedDict, total=False):
    """What an image shows: the parameters of a tile, by the same names."""

    datetime: str
    cloud_cover: float
    collection: str
    index: str
    expression: str
    bands: str | Sequence[str]
    mask: str
    mask_dilate: float
    composite: str
    resampling: str
    compare: str
    compare_as: str
    classes: str
    rescale: str | Sequence[float] | Sequence[Sequence[float]]
    colormap_name: str
    colormap: str
    color_formula: str
    belowmincolor: str
    abovemaxcolor: str


@dataclass(frozen=True, eq=False)
class Image:
    """Values on a grid.

    values      float32 `(output, y, x)`, NaN where not valid
    valid       bool `(y, x)`
    names       of the outputs
    crs         of the grid, such as `EPSG:32632`; `transform` leads from its columns and rows to coordinates
    scenes      ids of the scenes that the values are from
    skipped     reasons by the ids of scenes that could not be read
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    names: tuple[str, ...]
    crs: str
    transform: Affine
    scenes: tuple[str, ...]
    skipped: Mapping[str, str]
    _drawing: ImageData
    _grid: Grid
    _asked: StyledRequest

    def encode(self, format: str = "png") -> bytes:
        """The image as a file: png, webp, jpg (colours), npy, tif (values). Raises InvalidInput for other formats."""
        return format_of(format, self._asked.style).encode(self._drawing, self._grid, self._asked)

    def save(self, path: str | Path) -> None:
        """Write the image into a file, in the format that its ending names. Raises InvalidInput."""
        path = Path(path)
        path.write_bytes(self.encode(path.suffix.lower().removeprefix(".")))

    def _repr_png_(self) -> bytes:
        return self.encode()


@dataclass(frozen=True)
class PointValues:
    """Values at a place by output, None where there is none; time and scene where all are of one scene."""

    values: Mapping[str, float | None]
    datetime: Datetime | None
    scene: str | None


@dataclass(frozen=True)
class SeriesRow:
    """One observation: values by output, None where nothing was clear; `valid` and `masked` are shares of the area."""

    datetime: Datetime
    values: Mapping[str, float] | None
    valid: float
    masked: float
    scenes: tuple[str, ...]
    reason: str | None


@dataclass(frozen=True)
class AreaStatistics:
    """Statistics of an area: one summary an output, and its hectares, of all of it and of what is valid."""

    statistics: Mapping[str, Summary]
    hectares: float
    valid_hectares: float


class Session:
    """An open catalogue with its connections and caches. Methods may be called from any thread.

    The work is done by an event loop in a thread of the session's own, so that methods can be called where an event
    loop is running already, as in Jupyter.
    """

    def __init__(self, catalog: str | Path | None = None, **settings: Any) -> None:
        """Open a STAC API by its URL or a local archive by its folder; Earth Search, or `SCOG_CATALOG`, by default.

        `settings` are those of the server by their names in lower case. Raises InvalidInput.
        """
        if catalog is not None:
            settings["catalog"] = str(catalog)
        self._settings = _settings(settings)
        self._closing = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scog-session", daemon=True)
        self._thread.start()
        self._open = AsyncExitStack()
        try:
            self._engine: Engine = self._run(self._open.enter_async_context(open_engine(self._settings)))
        except BaseException:
            self.close()
            raise
        self._series = SeriesState(self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections, caches and threads. Calls under way in other threads are cancelled.

        A closed session cannot be used; closing it again does nothing.
        """
        with self._closing:
            if not self._loop.is_closed():
                asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result()
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join()
                self._loop.close()

    async def _shut(self) -> None:
        """Cancel all other tasks, then let go of the engine."""
        own = asyncio.current_task()
        await stop_all([task for task in asyncio.all_tasks() if task is not own])
        await self._open.aclose()

    def search(
        self,
        bbox: Sequence[float],
        datetime: str | None = None,
        cloud_cover: float = 60.0,
        collection: str | None = None,
        limit: int = 100,
    ) -> list[Scene]:
        """The newest scenes that touch a box in degrees, at most `limit`. Raises CatalogError, InvalidInput."""
        box = _box(bbox)
        scenes = SceneFilter(None if datetime is None else parse_interval(datetime), cloud_cover, collection)
        found = self._run(list_scenes(self._engine, box_grid(box), scenes, limit))
        return [scene for observation in found.observations for scene in observation.scenes]

    def image(
        self,
        bbox: Sequence[float] | None = None,
        geometry: Geometry | None = None,
        *,
        crs: str = UTM,
        resolution: float | None = None,
        max_size: int | None = None,
        width: int | None = None,
        height: int | None = None,
        **options: Unpack[Options],
    ) -> Image:
        """The image of a box in degrees, or of a polygon, around which nothing is valid.

        `crs` is that of its pixels, by default the UTM zone. The size is given by a resolution in metres, the longer
        side at most, or both sides in pixels; by default pixels are the files' own. Raises InvalidInput, CatalogError,
        NothingReadable, DeadlineExceeded.
        """
        asked = _asked(options)
        if (bbox is None) == (geometry is None):
            raise InvalidInput("An image is of a bbox or of a geometry.", parameter="bbox", valid="one of the two")
        area = None if geometry is None else area_in(self._area(geometry).shape)
        box = area.box if area is not None else _box(bbox or ())
        size = Size(width=width, height=height, max_size=max_size, resolution=resolution)
        target = UTM if crs == UTM else parse_crs(crs, "crs")
        grid = cut_grid(box, DEGREES, target, size)
        asked = asked.within(area)
        if size == Size():  # the files' own pixels
            own = self._run(source_lattice(self._engine, grid, asked.request, UpstreamStats(), area))
            grid = grid if own is None else cut_grid(box, DEGREES, target, size, own)
        check_size(self._settings, grid, asked.request, "max_size")
        return _image(self._run(cut_out(self._engine, grid, asked.request)), grid, asked)

    def point(self, lon: float, lat: float, **options: Unpack[Options]) -> PointValues:
        """The values at a place in degrees. Raises what `image` raises, and OutOfRange."""
        request, style = _asked(options)
        drawing = self._run(draw(self._engine, place_grid(lon, lat), request))
        known, used = bool(drawing.valid[0, 0]), drawing.report.used
        numbers = style.values(drawing.values, drawing.valid)[:, 0, 0]
        values = {
            name: float(number) if known and np.isfinite(number) else None
            for name, number in zip(style.outputs, numbers, strict=True)
        }
        scene = used[0] if used and request.composite.painted and request.compare is None else None
        return PointValues(values, scene.time if scene else None, scene.id if scene else None)

    def series(
        self,
        lon: float | None = None,
        lat: float | None = None,
        geometry: Geometry | None = None,
        *,
        datetime: str | None = None,
        cloud_cover: float = 100.0,
        collection: str | None = None,
        index: str | None = None,
        expression: str | None = None,
        bands: str | Sequence[str] = (),
        mask: str | None = None,
        mask_dilate: float = 0.0,
    ) -> list[SeriesRow]:
        """Values over time, oldest first, of a place in degrees or of a polygon (weighted means of its pixels).

        `index` may be several with commas between. Without `datetime`, the newest year. Raises InvalidInput,
        CatalogError, NothingReadable, DeadlineExceeded.
        """
        if geometry is None and (lon is None or lat is None):
            raise InvalidInput("A series is of a place or of a geometry.", parameter="lon", valid="lon and lat")
        area = point(lon, lat) if lon is not None and lat is not None else self._area(geometry)
        formula = formula_of(index, expression, _names(bands))
        request = ImageRequest(
            None if datetime is None else parse_interval(datetime),
            cloud_cover,
            collection,
            expression=formula.expression,
            mask=parse_mask(formula.mask if mask is None else mask, mask_dilate),
        )
        (series,) = self._run(take(self._series, [area], formula, request))
        return [_row(row, formula.names) for row in series.rows]

    def statistics(self, geometry: Geometry, **options: Unpack[Options]) -> AreaStatistics:
        """Statistics of a polygon, each pixel weighted by its share inside. Raises what `image` raises."""
        asked = _asked(options)
        (found,) = self._run(zonal(self._engine, [self._area(geometry)], asked, Wanted()))
        if isinstance(found, Unmeasured):
            raise DeadlineExceeded(f"The area could not be measured: {found.reason}.")
        summaries = dict(zip(asked.style.columns, found.summaries, strict=True))
        return AreaStatistics(summaries, found.hectares, found.valid_hectares)

    def _area(self, geometry: object) -> AreaOfInterest:
        """The one place or polygon of a GeoJSON document. Raises InvalidInput."""
        return parse_fields(geometry, 1, self._settings.field_corners).fields[0]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work of the session's event loop; an interrupt cancels it."""
        if self._loop.is_closed():
            work.close()
            raise RuntimeError("The session is closed.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("The session was closed.") from None
        except BaseException:
            future.cancel()
            raise


def _settings(given: Mapping[str, Any]) -> Settings:
    """Settings by name, the others from the environment. Raises InvalidInput for the first that is wrong."""
    if unknown := given.keys() - Settings.model_fields.keys():
        name = min(unknown)
        near = did_you_mean(name, Settings.model_fields)
        raise InvalidInput(f"There is no setting {name!r}{near}", parameter=name, valid=KNOWN_SETTINGS)
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"{name}: {first['msg']}.", parameter=name, valid=KNOWN_SETTINGS) from None


def _asked(options: Options) -> StyledRequest:
    """What options ask for. Raises InvalidInput, also for options that are not known."""
    given: dict[str, Any] = dict(options)
    if unknown := given.keys() - Options.__annotations__.keys():
        name = min(unknown)
        near = did_you_mean(name, Options.__annotations__)
        what = f"There is no option {name!r}{near}"
        raise InvalidInput(what, parameter=name, valid=", ".join(Options.__annotations__))
    given["bands"] = _names(given.get("bands", ()))
    if "rescale" in given:
        given["rescale"] = tuple(parse_rescale([_text(given["rescale"])]))
    try:
        for name, kind in (("resampling", Resampling), ("compare_as", Change)):
            if name in given:
                given[name] = kind(given[name])
    except ValueError:
        raise InvalidInput(f"{name} is {given[name]!r}.", parameter=name, valid=", ".join(kind)) from None
    return ImageOptions(**given).parse()


def _names(bands: str | Sequence[str]) -> tuple[str, ...]:
    """Bands of a text with commas between, or of a sequence."""
    return tuple(name.strip() for text in ([bands] if isinstance(bands, str) else bands) for name in text.split(","))


def _text(numbers: str | Sequence[float] | Sequence[Sequence[float]]) -> str:
    if isinstance(numbers, str):
        return numbers
    return ",".join(repr(float(number)) for number in np.ravel(np.asarray(numbers, float)))


def _box(bbox: Sequence[float]) -> Box:
    """A box in degrees. Raises InvalidInput, also where it lies above or below the ground."""
    box = bounds_of(bbox)
    if box is None:
        raise InvalidInput("The bbox does not touch the ground.", parameter="bbox", valid=VALID_BOX)
    return box


def _image(drawing: ImageData, grid: Grid, asked: StyledRequest) -> Image:
    values = asked.style.values(drawing.values, drawing.valid)
    used = tuple(scene.id for scene in drawing.report.used)
    names = asked.style.outputs
    skipped = dict(drawing.report.skipped)
    return Image(values, drawing.valid, names, grid.crs, grid.transform, used, skipped, drawing, grid, asked)


def _row(row: Row, names: Sequence[str]) -> SeriesRow:
    sample = row.measured
    values = None if sample.values is None else dict(zip(names, sample.values, strict=True))
    return SeriesRow(row.time, values, sample.valid, sample.masked, sample.scenes, sample.reason)
