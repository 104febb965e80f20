"""Each band, index, mask and quantity of every profile equals rasterio and numpy to float32, through every route.

The oracle reads the files of a made-up item with rasterio, computes with its encodings, and finds pixels with pyproj.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from scog.collections.built_in import built_in, names
from scog.geo.grid import Grid, tile_grid
from scog.settings import Settings
from tests.doubles.archives import NEAR_EDGE, pixel_centres
from tests.doubles.collections import MADE, WITH_RULES, write_archives
from tests.doubles.collections.item import Made, Mask2D
from tests.doubles.collections.variable import Variable, variables
from tests.web.conftest import Served, served, tile_at

POINTS = 40
SERIES_BY_ADDRESS = 4
INSET = 1e-6
"""Pixels by which an area that follows pixels is smaller, so that rounding includes no neighbour."""
FLOAT32 = 1e-6
LEVELS = (2, 25, 75, 98)
"""Percentiles."""
SELECTED = ("quantity-vv-db", "slope", "default")
"""Variables of the short run, besides the first band."""
FIRST = [next(made for made in MADE if made.profile == name) for name in names()]
"""An item of each profile."""
ROUTES = ("tiles", "point", "timeseries", "statistics")


@contextmanager
def archive_of(items: Sequence[Made], folder: Path) -> Iterator[tuple[Served, Path]]:
    """A server of an archive of items, and the archive's folder."""
    archive = write_archives(folder / "archive", items)
    with served(Settings(catalog=str(archive), cache_dir=folder / "cache")) as running:
        yield running, archive


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    with archive_of(FIRST, tmp_path_factory.mktemp("usual")) as running:
        yield running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    with archive_of(WITH_RULES, tmp_path_factory.mktemp("whole")) as running:
        yield running


@pytest.mark.parametrize("made", FIRST, ids=[made.name for made in FIRST])
def test_some_variables_equal_the_oracle(usual: tuple[Served, Path], made: Made) -> None:
    server, archive = usual
    for name, compute in variables(made, archive).items():
        if name in (made.band_names[0], *SELECTED):
            variable = compute()
            check_tile(server, made, variable)
            check_points(server, made, variable, 2)
            check_series(server, made, variable, 4, 1)
            check_statistics(server, made, variable)


@pytest.mark.acceptance
@pytest.mark.parametrize("made", WITH_RULES, ids=[made.name for made in WITH_RULES])
@pytest.mark.parametrize("route", ROUTES)
def test_every_variable_equals_the_oracle(whole: tuple[Served, Path], made: Made, route: str) -> None:
    server, archive = whole
    for variable in variables(made, archive).values():
        match route:
            case "tiles":
                check_tile(server, made, variable())
            case "point":
                check_points(server, made, variable(), POINTS)
            case "timeseries":
                check_series(server, made, variable(), POINTS, SERIES_BY_ADDRESS)
            case "statistics":
                check_statistics(server, made, variable())


@pytest.mark.parametrize("name", names())
def test_the_table_has_all_of_a_profile(name: str) -> None:
    """Its bands, masks and quantities are those of at least one item."""
    profile = built_in(name)
    assert profile is not None
    items = [made for made in MADE if made.profile == name]
    found = {variable for made in items for variable in variables(made, Path())}
    if not profile.open:  # any item may name any band
        assert {band.name for band in profile.bands} <= found
    for layer in profile.layers:
        assert {layer.name, f"quantity-{layer.name}"} & found, layer.name
    if profile.mask is not None:
        assert {f"mask-{mask}" for mask in profile.mask.sets} <= found
    assert "default" in found


def body(response: httpx.Response) -> Any:
    assert response.status_code == 200, f"{response.request.url}: {response.text[:500]}"
    return response.json()


def query_of(made: Made, variable: Variable, **more: str) -> dict[str, str]:
    return {"collection": made.collection, **variable.query, **more}


# Tiles


def check_tile(server: Served, made: Made, variable: Variable) -> None:
    """A tile shows the nearest pixel of each of its pixels' centres."""
    address = tile_of(made, variable)
    response = server.get(f"/tiles/{address}.npy", params=query_of(made, variable))
    assert response.status_code == 200, response.text
    found = np.load(io.BytesIO(response.content))
    assert found.dtype == np.float32
    pixels = nearest_pixels(made.grid(variable.finer), address)
    row, col = pixels.row, pixels.col
    assert pixels.on_edge.mean() < 0.002
    certain = np.where(pixels.inside, variable.certain[row, col] & ~pixels.on_edge, pixels.is_around)
    valid = variable.valid[row, col] & pixels.inside
    compared = valid & certain
    assert compared.sum() >= 20, variable.name
    for output, values, error in zip(found, variable.outputs, variable.error, strict=True):
        name = f"{variable.name} in {address}"
        np.testing.assert_array_equal(np.isfinite(output)[certain], valid[certain], name)
        off = (abs(output - values[row, col]) - error[row, col])[compared]
        assert (off <= 0).all(), f"{name}: {off.max()} more than expected"


def tile_of(made: Made, variable: Variable) -> str:
    """The address of a tile at a point near the centre, at one of several zooms around that of the pixels' size."""
    rng, grid = variable.rng(made), made.grid(variable.finer)
    lon, lat = made.lonlat(grid, *rng.uniform(0.3, 0.7, 2) * grid.width)
    metres = made.pixel[1] / variable.finer * (111_320 if made.crs == "EPSG:4326" else 1)
    fitting = int(np.ceil(np.log2(156_543 * np.cos(np.radians(lat)) / metres)))
    # Coarser images have surfaces of their own pixels, which `tests/imaging/test_surfaces.py` compares.
    return tile_at(lon, lat, fitting + int(rng.integers(0 if variable.surface else -1, 2)))


@dataclass(frozen=True, eq=False)
class Nearest:
    """Row and column of the file's pixel at each pixel of a tile, all `(y, x)`.

    inside     whether the centre is inside the file
    is_around  whether it is outside, but near, where no other item is
    on_edge    whether it is on an edge between pixels, so that either is right
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    inside: Mask2D
    is_around: Mask2D
    on_edge: Mask2D


def nearest_pixels(grid: Grid, address: str) -> Nearest:
    """The pixels of a grid at each centre of a tile, transformed exactly."""
    columns, rows = ~grid.transform @ np.stack(pixel_centres(tile_grid(*map(int, address.split("/")), 256), grid.crs))

    def is_within(margin: float) -> Mask2D:
        return np.logical_and.reduce([(each > -margin) & (each < grid.width + margin) for each in (columns, rows)])

    inside = is_within(0)
    on_edge = (abs(columns - np.round(columns)) < NEAR_EDGE) | (abs(rows - np.round(rows)) < NEAR_EDGE)
    row, col = (np.where(inside, each, 0).astype(int) for each in (rows, columns))
    return Nearest(row, col, inside, is_within(5) & ~is_within(1e-3), on_edge)


# Points


def check_points(server: Served, made: Made, variable: Variable, count: int) -> None:
    for row, col, (lon, lat) in points_of(made, variable, count):
        found = body(server.get(f"/point/{lon!r},{lat!r}", params=query_of(made, variable)))
        assert_pixel(found["values"], variable, row, col)


def check_series(server: Served, made: Made, variable: Variable, count: int, by_address: int) -> None:
    """The series of points and of areas have the item as their only observation."""
    points = points_of(made, variable, count)
    query = query_of(made, variable, datetime="../..")
    if variable.surface:
        if not variable.query:  # the default of an elevation model has no series
            return
        refused = server.get("/timeseries/{!r},{!r}".format(*points[0][2]), params=query)
        assert refused.status_code == 400
        assert "neighbours" in refused.json()["detail"]
        return
    for row, col, (lon, lat) in points[:by_address]:
        assert_series(body(server.get(f"/timeseries/{lon!r},{lat!r}", params=query)), made, variable, row, col)
    features = [feature({"type": "Point", "coordinates": list(lonlat)}) for _, _, lonlat in points]
    found = body(server.client.post("/timeseries", params=query, json=collection_of(features)))["features"]
    for (row, col, _), each in zip(points, found, strict=True):
        assert_series(each["properties"]["timeseries"], made, variable, row, col)
    areas = areas_of(made, variable)
    features = [feature(area.geometry) for area in areas]
    found = body(server.client.post("/timeseries", params=query, json=collection_of(features)))["features"]
    for area, each in zip(areas, found, strict=True):
        (observation,) = each["properties"]["timeseries"]["observations"]
        assert observation["valid"] == pytest.approx(area.count / area.weights.sum(), abs=1e-5)
        for output, (value, result) in enumerate(zip(observation["values"], observation["statistics"], strict=True)):
            area.assert_statistics(result, output, {"p10": 10, "p25": 25, "p75": 75, "p90": 90})
            assert value == result["mean"]


def points_of(made: Made, variable: Variable, count: int) -> list[tuple[int, int, tuple[float, float]]]:
    """Row, column and longitude and latitude of points anywhere within pixels."""
    rng, grid = variable.rng(made), made.grid(variable.finer)
    chosen = rng.permutation(np.flatnonzero(variable.certain))[:count]
    assert len(chosen) == count
    result = []
    for place in chosen:
        row, col = divmod(int(place), grid.width)
        across, down = rng.uniform(0.02, 0.98, 2)
        result.append((row, col, made.lonlat(grid, col + across, row + down)))
    return result


def assert_pixel(found: list[float | None], variable: Variable, row: int, col: int) -> None:
    if not variable.valid[row, col]:
        assert set(found) == {None}, (variable.name, row, col, found)
        return
    expected = [values[row, col] for values in variable.outputs]
    for value, number, error in zip(found, expected, variable.error, strict=True):
        assert value == pytest.approx(number, rel=FLOAT32, abs=error[row, col]), (variable.name, row, col)


def assert_series(series: Mapping[str, Any], made: Made, variable: Variable, row: int, col: int) -> None:
    (observation,) = series["observations"]
    assert observation["scenes"] == [made.scene]
    assert_pixel(observation["values"], variable, row, col)


# Areas


class Area:
    """A rectangle on the pixels of a variable, and the statistics of these by numpy."""

    def __init__(self, made: Made, variable: Variable, corner: tuple[int, int], shape: tuple[int, int], inset: float):
        self.variable = variable
        self.inset = inset
        self.part = tuple(slice(first, first + length) for first, length in zip(corner, shape, strict=True))
        sides = []
        for length in shape:
            side = np.ones(length)
            side[[0, -1]] -= inset
            sides.append(side)
        self.weights = np.outer(*sides)
        self.valid = variable.valid[self.part]
        self.count = float(self.weights[self.valid].sum())
        (top, left), (height, width) = corner, shape
        self.geometry = _rectangle(
            made, variable.finer, left + inset, top + inset, left + width - inset, top + height - inset
        )

    def assert_statistics(self, found: Mapping[str, Any], output: int, percentiles: Mapping[str, float]) -> None:
        """Mean, spread, extremes and count, and for whole pixels the median and percentiles."""
        variable, weights = self.variable, self.weights[self.valid]
        values = variable.outputs[output][self.part][self.valid]
        error = float(variable.error[output][self.part][self.valid].max())
        name = f"{variable.name}, inset {self.inset}"

        def near(value: float) -> Any:
            return pytest.approx(float(value), rel=2 * FLOAT32, abs=error)

        linear, shown = (10 ** (values / 10), lambda power: 10 * np.log10(power)) if variable.decibels else (
            values, lambda value: value)  # fmt: skip
        mean = np.average(values, weights=weights)
        assert found["count"] == pytest.approx(self.count, rel=1e-5), name
        assert found["min"] == near(values.min()), name
        assert found["max"] == near(values.max()), name
        assert found["mean"] == near(shown(np.average(linear, weights=weights))), name
        assert found["std"] == near(np.sqrt(np.average((values - mean) ** 2, weights=weights))), name
        if self.inset == INSET:
            assert found["median"] == near(shown(np.median(linear))), name
            for key, level in percentiles.items():
                assert found[key] == near(shown(np.percentile(linear, level))), (name, key)


def _rectangle(made: Made, finer: int, left: float, top: float, right: float, bottom: float) -> dict[str, Any]:
    """A GeoJSON polygon of columns and rows. Its sides have a point every 5 m or so, as they are curved in degrees."""
    grid = made.grid(finer)
    metres = made.pixel[0] / finer * (111_320 if made.crs == "EPSG:4326" else 1)
    along = np.linspace(0, 1, 2 + int(max(right - left, bottom - top) * metres / 5))[:-1]
    zero, one = along * 0, along * 0 + 1
    x = left + (right - left) * np.concatenate((along, one, 1 - along, zero))
    y = top + (bottom - top) * np.concatenate((zero, along, one, 1 - along))
    lon, lat = Transformer.from_crs(made.crs, 4326, always_xy=True).transform(*(grid.transform @ np.stack((x, y))))
    ring = np.stack((lon, lat), axis=1).tolist()
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def areas_of(made: Made, variable: Variable) -> list[Area]:
    """Two rectangles: one of whole pixels, and one that has shares of those along its sides."""
    rng, size = variable.rng(made), made.grid(variable.finer).width
    areas = []
    for inset in (INSET, float(rng.uniform(0.1, 0.9))):
        for _ in range(1000):
            height, width = (int(number) for number in rng.integers(5, 15, 2))
            top, left = (int(rng.integers(1, size - length)) for length in (height, width))
            part = slice(top, top + height), slice(left, left + width)
            valid = variable.valid[part]
            errors = [error[part][valid] for error in variable.error]
            if (
                variable.certain[part].all()
                and valid.sum() >= 8
                and max(map(np.max, errors))
                < max(1e-4, *(float(np.median(error[variable.valid])) * 10 for error in variable.error))
            ):
                areas.append(Area(made, variable, (top, left), (height, width), inset))
                break
    assert len(areas) == 2, variable.name
    return areas


def check_statistics(server: Served, made: Made, variable: Variable) -> None:
    areas = areas_of(made, variable)
    query = {**query_of(made, variable), "p": [str(level) for level in LEVELS]}
    features = [feature(area.geometry) for area in areas]
    found = body(server.client.post("/statistics", params=query, json=collection_of(features)))["features"]
    for area, each in zip(areas, found, strict=True):
        results = each["properties"]["statistics"]
        assert len(results) == len(variable.outputs)
        for output, result in enumerate(results.values()):
            area.assert_statistics(result, output, {f"percentile_{level}": level for level in LEVELS})
            masked = area.weights.sum() - area.count
            assert result["masked_pixels"] == pytest.approx(masked, rel=1e-5, abs=1e-4)
            assert result["valid_percent"] == pytest.approx(100 * area.count / area.weights.sum(), abs=0.006)


def feature(geometry: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry}


def collection_of(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}
