"""Synchronous API for notebooks and scripts, without a server. It also works where an event loop is running."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime as Datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self, TypedDict, TypeVar, Unpack

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pydantic import ValidationError

from scog.catalog.query import OrbitState
from scog.catalog.scene import Scene
from scog.collections.profile import Profile
from scog.collections.reflectance_offset import parse_offset
from scog.composite.change import Change
from scog.composite.mask import parse_mask
from scog.errors import DeadlineExceeded, InvalidInput
from scog.geo.bbox import VALID_BOX, bounds_from_numbers
from scog.geo.bounds import DEGREES
from scog.geo.crop_grid import UTM, Box, CropSize, crop_grid
from scog.geo.crs import parse_crs
from scog.geo.grid import Grid, point_grid
from scog.imaging.clip import clip_area
from scog.imaging.draw import draw
from scog.imaging.engine import Engine, open_engine
from scog.imaging.formats import format_of
from scog.imaging.options import ImageOptions, StyledRequest
from scog.imaging.request import ImageData, ImageRequest, SceneFilter
from scog.imaging.source_lattice import source_lattice
from scog.net.policy import UpstreamStats
from scog.products.areas.area_of_interest import AreaOfInterest, parse_areas, point
from scog.products.crop import check_size, draw_crop
from scog.products.scene_list import box_grid, list_scenes
from scog.products.timeseries.model import Row
from scog.products.timeseries.series import sample_series
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import variables_of
from scog.products.zonal.summary import StatisticsOptions, Summary
from scog.products.zonal.zonal import NotSampled, zonal
from scog.render.ramp import parse_rescale
from scog.runtime.tasks import stop_all
from scog.settings import Settings
from scog.suggest import did_you_mean
from scog.temporal.intervals import parse_interval
from scog.warp.resample import Resampling

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
VALID_SETTINGS = "see docs/reference/settings.md"
Geometry = Mapping[str, Any]
"""A GeoJSON geometry, Feature or FeatureCollection in degrees, longitude first."""


class Options(TypedDict, total=False):
    """Options of an image: the names and values of a tile's query parameters."""

    datetime: str
    cloud_cover: float
    collection: str
    orbit: str
    index: str
    expression: str
    bands: str | Sequence[str]
    mask: str
    mask_dilate: float
    composite: str
    resampling: str
    offset: str | float
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

    values     float32 `(output, y, x)`, NaN where invalid
    valid      bool `(y, x)`
    names      name of each output
    crs        CRS of the grid, such as `EPSG:32632`
    transform  affine transform from column and row to CRS coordinates
    scenes     ids of the scenes that the values are from
    skipped    reason by id of each scene that could not be read
    offsets    guessed reflectance offsets, such as `-0.1 (estimated from pixels)`, with scene ids where they differ
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    names: tuple[str, ...]
    crs: str
    transform: Affine
    scenes: tuple[str, ...]
    skipped: Mapping[str, str]
    offsets: tuple[str, ...]
    _data: ImageData
    _grid: Grid
    _styled_request: StyledRequest

    def encode(self, format: str = "png") -> bytes:
        """Bytes of a file: `png`, `webp` or `jpg` for colours, `npy` or `tif` for values.

        Raises InvalidInput for an unknown format, or one that the image cannot be encoded in.
        """
        return format_of(format, self._styled_request.style).encode(self._data, self._grid, self._styled_request)

    def save(self, path: str | Path) -> None:
        """Write a file in the format of its extension. Raises what `encode` raises, and OSError."""
        path = Path(path)
        path.write_bytes(self.encode(path.suffix.lower().removeprefix(".")))

    def _repr_png_(self) -> bytes:
        return self.encode()


@dataclass(frozen=True)
class PointValues:
    """Values at a point.

    values    by output; None if invalid
    datetime  time of the scene
    scene     id of the scene if all values are from one scene, else None
    """

    values: Mapping[str, float | None]
    datetime: Datetime | None
    scene: str | None


@dataclass(frozen=True)
class SeriesRow:
    """One observation of a time series.

    values  by output; None if no pixel is valid
    valid   fraction of the area that is valid
    masked  fraction of the area that is masked
    scenes  ids of the observation's scenes that were used, or of all of them without values
    reason  why there are no values, such as `masked` or `no-data`; else None
    """

    datetime: Datetime
    values: Mapping[str, float] | None
    valid: float
    masked: float
    scenes: tuple[str, ...]
    reason: str | None


@dataclass(frozen=True)
class AreaStatistics:
    """Statistics of a polygon.

    statistics      by output
    hectares        area of the polygon on the ellipsoid
    valid_hectares  area of its pixels that have a value
    """

    statistics: Mapping[str, Summary]
    hectares: float
    valid_hectares: float


class Session:
    """An open catalogue, or several, with their connections and caches. Methods may be called from any thread.

    A session runs its own event loop in a thread, so that methods also work where an event loop is already running, as
    in Jupyter.
    """

    def __init__(self, catalog: str | Path | Sequence[str | Path] | None = None, **settings: Any) -> None:
        """Open a catalogue, or several: the URL of a STAC API or the folder of a local archive.

        A name may precede it, as in `pc=https://planetarycomputer.microsoft.com/api/stac/v1`. It follows `@` in
        `collection="ID@NAME"`, where several catalogues have a collection; without `collection`, the first is used.

        The default is `SCOG_CATALOG`, else Earth Search. `settings` are those of the server, in lower case.
        Raises InvalidInput for unknown or invalid settings or if a folder does not exist, CatalogError if a local
        archive's index cannot be read. A STAC API is not contacted before the first search.
        """
        if catalog is not None:
            settings["catalog"] = tuple(map(str, [catalog] if isinstance(catalog, str | Path) else catalog))
        self._settings = _settings(settings)
        self._close_lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scog-session", daemon=True)
        self._thread.start()
        self._open = AsyncExitStack()
        try:
            self._engine: Engine = self._run(self._open.enter_async_context(open_engine(self._settings)))
        except BaseException:
            self.close()
            raise
        self._series_state = SeriesState(self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections, caches and threads, and cancel calls in other threads, which raise RuntimeError.

        Methods of a closed session raise RuntimeError; closing it again does nothing.
        """
        with self._close_lock:
            if not self._loop.is_closed():
                asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop).result()
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join()
                self._loop.close()

    async def _shut_down(self) -> None:
        """Cancel all other tasks, then close the engine."""
        current = asyncio.current_task()
        await stop_all([task for task in asyncio.all_tasks() if task is not current])
        await self._open.aclose()

    def search(
        self,
        bbox: Sequence[float],
        datetime: str | None = None,
        cloud_cover: float = 60.0,
        collection: str | None = None,
        limit: int = 100,
        orbit: str | None = None,
    ) -> list[Scene]:
        """The newest scenes that intersect a bounding box in degrees, at most `limit`, by observation.

        `cloud_cover` is the maximum in percent, `orbit` is `ascending` or `descending`. Without `datetime`, the newest
        `newest_days` days are searched.
        Raises InvalidInput, CatalogError.
        """
        box = _box(bbox)
        scenes = SceneFilter(
            None if datetime is None else parse_interval(datetime),
            cloud_cover,
            collection,
            orbit=_choice("orbit", orbit, OrbitState),
        )
        listing = self._run(list_scenes(self._engine, box_grid(box), scenes, limit))
        return [scene for observation in listing.observations for scene in observation.scenes]

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
        """The image of a bounding box in degrees, or of a GeoJSON polygon, outside which pixels are invalid.

        crs             CRS of the pixels; `utm` for the UTM zone of the centre
        resolution      pixel size in metres
        max_size        maximum length of the longer side in pixels
        width, height   size in pixels; the other side is proportional if only one is given

        Without a size, the pixels are the files' own, or larger so that no side has more than 1024.
        Raises InvalidInput, CatalogError, NothingReadable, DeadlineExceeded.
        """
        styled_request = self._parse(options)
        if (bbox is None) == (geometry is None):
            message = "An image requires either bbox or geometry."
            raise InvalidInput(message, parameter="bbox", valid="one of the two")
        area = None if geometry is None else clip_area(self._area(geometry).shape)
        box = area.box if area is not None else _box(bbox or ())
        size = CropSize(width=width, height=height, max_size=max_size, resolution=resolution)
        target = UTM if crs == UTM else parse_crs(crs, "crs")
        grid = crop_grid(box, DEGREES, target, size)
        styled_request = styled_request.clipped(area)
        if size == CropSize():
            lattice = self._run(source_lattice(self._engine, grid, styled_request.request, UpstreamStats(), area))
            grid = grid if lattice is None else crop_grid(box, DEGREES, target, size, lattice)
        check_size(self._settings, grid, styled_request.request, "max_size")
        return _image(self._run(draw_crop(self._engine, grid, styled_request.request)), grid, styled_request)

    def point(self, lon: float, lat: float, **options: Unpack[Options]) -> PointValues:
        """The values at a longitude and latitude in degrees. Raises what `image` raises, and OutOfRange."""
        request, style = self._parse(options)
        drawing = self._run(draw(self._engine, point_grid(lon, lat), request))
        valid, used = bool(drawing.valid[0, 0]), drawing.report.used
        outputs = style.values(drawing.values, drawing.valid)[:, 0, 0]
        values = {
            name: float(value) if valid and np.isfinite(value) else None
            for name, value in zip(style.outputs, outputs, strict=True)
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
        offset: str | float | None = None,
        orbit: str | None = None,
    ) -> list[SeriesRow]:
        """Values over time, oldest first, at a point in degrees or of a polygon (weighted means of its pixels).

        `index` may be several, separated by commas. Without `datetime`, the newest `series_days` days.
        Raises InvalidInput, CatalogError, NothingReadable, DeadlineExceeded.
        """
        if geometry is None and (lon is None or lat is None):
            message = "A series requires either lon and lat, or geometry."
            raise InvalidInput(message, parameter="lon", valid="lon and lat, or geometry")
        area = point(lon, lat) if lon is not None and lat is not None else self._area(geometry)
        profile = self._profile(collection)
        variables = variables_of(profile, index, expression, _names(bands))
        request = ImageRequest(
            None if datetime is None else parse_interval(datetime),
            cloud_cover,
            collection,
            orbit=_choice("orbit", orbit, OrbitState),
            expression=variables.expression,
            mask=parse_mask(variables.mask if mask is None else mask, mask_dilate, profile),
            profile=profile,
            offset=None if offset is None else parse_offset(offset),
        )
        (series,) = self._run(sample_series(self._series_state, [area], variables, request))
        return [_row(row, variables.names) for row in series.rows]

    def statistics(self, geometry: Geometry, **options: Unpack[Options]) -> AreaStatistics:
        """Statistics of a polygon, each pixel weighted by the fraction inside. Raises what `image` raises."""
        styled_request = self._parse(options)
        (result,) = self._run(zonal(self._engine, [self._area(geometry)], styled_request, StatisticsOptions()))
        if isinstance(result, NotSampled):
            raise DeadlineExceeded(f"The area could not be sampled: {result.reason}.")
        summaries = dict(zip(styled_request.style.columns, result.summaries, strict=True))
        return AreaStatistics(summaries, result.hectares, result.valid_hectares)

    def _parse(self, options: Options) -> StyledRequest:
        """The request and style of options. Raises InvalidInput for unknown or invalid options."""
        parsed = _parse_options(options)
        return parsed.parse(self._profile(parsed.collection))

    def _profile(self, collection: str | None) -> Profile:
        """What a collection is."""
        return self._run(self._engine.profile(collection))

    def _area(self, geometry: object) -> AreaOfInterest:
        """The only area of a GeoJSON document. Raises InvalidInput."""
        return parse_areas(geometry, 1, self._settings.area_vertices).areas[0]

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the session's event loop and wait for its result; an interrupt cancels it.

        Raises RuntimeError if the session is closed, before or meanwhile.
        """
        if self._loop.is_closed():
            coroutine.close()
            raise RuntimeError("The session is closed.")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("The session was closed.") from None
        except BaseException:
            future.cancel()
            raise


def _settings(settings: Mapping[str, Any]) -> Settings:
    """Settings by name, the others from the environment. Raises InvalidInput for the first invalid one."""
    if unknown := settings.keys() - Settings.model_fields.keys():
        name = min(unknown)
        suggestion = did_you_mean(name, Settings.model_fields)
        raise InvalidInput(f"There is no setting {name!r}{suggestion}", parameter=name, valid=VALID_SETTINGS)
    try:
        return Settings(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"{name}: {first['msg']}.", parameter=name, valid=VALID_SETTINGS) from None


def _parse_options(options: Options) -> ImageOptions:
    """Options in their own types. Raises InvalidInput for unknown or invalid options."""
    parsed: dict[str, Any] = dict(options)
    if unknown := parsed.keys() - Options.__annotations__.keys():
        name = min(unknown)
        suggestion = did_you_mean(name, Options.__annotations__)
        message = f"There is no option {name!r}{suggestion}"
        raise InvalidInput(message, parameter=name, valid=", ".join(Options.__annotations__))
    parsed["bands"] = _names(parsed.get("bands", ()))
    if "rescale" in parsed:
        parsed["rescale"] = tuple(parse_rescale([_rescale_text(parsed["rescale"])]))
    for name, choices in (("resampling", Resampling), ("compare_as", Change), ("orbit", OrbitState)):
        if name in parsed:
            parsed[name] = _choice(name, parsed[name], choices)
    return ImageOptions(**parsed)


def _choice(name: str, value: str | None, choices: type[E]) -> E | None:
    """A value as a member of an enum; None for None. Raises InvalidInput if it is not one."""
    try:
        return None if value is None else choices(value)
    except ValueError:
        message = f"{name} has an unknown value: {value!r}."
        raise InvalidInput(message, parameter=name, valid=", ".join(choices)) from None


def _names(bands: str | Sequence[str]) -> tuple[str, ...]:
    """Band names of a sequence, or of a text separated by commas."""
    return tuple(name.strip() for text in ([bands] if isinstance(bands, str) else bands) for name in text.split(","))


def _rescale_text(rescale: str | Sequence[float] | Sequence[Sequence[float]]) -> str:
    """Ranges as text such as `0,1,0,0.5`."""
    if isinstance(rescale, str):
        return rescale
    return ",".join(repr(float(value)) for value in np.ravel(np.asarray(rescale, float)))


def _box(bbox: Sequence[float]) -> Box:
    """A bounding box in degrees. Raises InvalidInput, also if it is 3D and does not contain height 0."""
    box = bounds_from_numbers(bbox)
    if box is None:
        raise InvalidInput("The bbox does not contain height 0.", parameter="bbox", valid=VALID_BOX)
    return box


def _image(data: ImageData, grid: Grid, styled_request: StyledRequest) -> Image:
    return Image(
        values=styled_request.style.values(data.values, data.valid),
        valid=data.valid,
        names=styled_request.style.outputs,
        crs=grid.crs,
        transform=grid.transform,
        scenes=tuple(scene.id for scene in data.report.used),
        skipped=dict(data.report.skipped),
        offsets=tuple(data.report.offset_lines()),
        _data=data,
        _grid=grid,
        _styled_request=styled_request,
    )


def _row(row: Row, names: Sequence[str]) -> SeriesRow:
    sample = row.sample
    values = None if sample.values is None else dict(zip(names, sample.values, strict=True))
    return SeriesRow(row.time, values, sample.valid, sample.masked, sample.scenes, sample.reason)
