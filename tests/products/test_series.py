"""Time series equal rasterio and exactextract on the same files, by date: datastrips, clouds, gaps, failures."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Geod, Transformer

from scog.catalog.observation import Observation
from scog.catalog.scene import Scene
from scog.errors import DeadlineExceeded, InvalidInput, NothingReadable
from scog.geo.coverage import coverage_fractions
from scog.geo.grid import Grid
from scog.imaging.engine import open_engine
from scog.imaging.report import Report
from scog.products.areas.area_of_interest import point
from scog.products.areas.sampling_grid import SamplingGrid, parts_of, sampling_grid_of
from scog.products.timeseries.model import Row, Sample
from scog.products.timeseries.sampler import Sampler
from scog.products.timeseries.series import Series, sample_series
from scog.products.timeseries.state import SeriesState
from scog.settings import Settings
from tests.doubles.archives import C1, CLOUDY, MadeScene, Square
from tests.doubles.series import (
    DAYS,
    GRID,
    OVERCAST,
    PARTLY_COVERED,
    SQUARE,
    STRIPS,
    areas_of,
    cloudy_pixels,
    expected_ndvi,
    image_request,
    lonlat,
    polygon,
    sample_series_in,
    series_of,
)  # fmt: skip
from tests.doubles.zonal import zonal
from tests.profiles import parse_mask, variables_of

Dates = tuple[Path, list[MadeScene]]
PLACES = [
    (150.5, 150.5),
    (210.5, 199.5),
    (195.5, 225.5),
    (12.3, 287.9),
    (121.01, 40.5),
    (299.5, 299.5),
    (0.2, 0.1),
    (77.7, 158.2),
]
POLYGONS = {
    "within": polygon((40.3, 30.2), (170.8, 44.1), (150.2, 160.7), (60.9, 140.4)),
    "over the edge": polygon((230, 210), (340, 220), (310, 330), (240.5, 280.5)),
    "within a pixel": polygon((200.2, 90.3), (200.8, 90.35), (200.5, 90.8)),
    "narrow": polygon((10, 10.2), (290, 200.2), (290, 200.9)),
    "on the pixels' edges": polygon((100, 100), (140, 100), (140, 200), (100, 200)),
    "all": polygon((-5, -5), (305, -5), (305, 305), (-5, 305)),
}
HOLED = {
    "type": "MultiPolygon",
    "coordinates": [
        [polygon((20, 20), (120, 20), (120, 120), (20, 120))["coordinates"][0],
         polygon((50.5, 50.5), (50.5, 90), (90, 90), (90, 50.5))["coordinates"][0]],
        polygon((200, 200), (260.5, 210), (230, 250.5))["coordinates"],
    ],
}  # fmt: skip


def sampled(scenes: list[MadeScene], lon: float, lat: float) -> dict[str, tuple[float | None, str | None]]:
    """NDVI at a place on each day from rasterio's samples, or the reason why there is none."""
    by_day: dict[str, tuple[float | None, str | None]] = {}
    for scene in sorted(scenes, key=lambda scene: (scene.time, scene.id)):
        numbers = {}
        for band, path in scene.files.items():
            with rasterio.open(path) as source:
                place = Transformer.from_crs(4326, source.crs, always_xy=True).transform(lon, lat)
                numbers[band] = float(next(source.sample([place]))[0])
        day, shift = scene.time[:10], 0.1 if scene.collection == C1 else 0.0
        if by_day.get(day, (None, None))[0] is not None:
            continue
        if numbers["scl"] in CLOUDY and numbers["scl"]:
            by_day[day] = None, "masked"
        elif not (numbers["red"] and numbers["nir"] and numbers["scl"]):
            by_day.setdefault(day, (None, "no-data"))
        else:
            red, nir = (max(numbers[band] * 1e-4 - shift, 0) for band in ("red", "nir"))
            by_day[day] = (nir - red) / (nir + red), None
    return by_day


def test_values_at_a_point_equal_rasterio_on_each_date(dates: Dates) -> None:
    folder, scenes = dates
    reasons = set()
    for col, row in PLACES:
        lon, lat = lonlat(col, row)
        (series,) = series_of(folder, [point(lon, lat)])
        expected = sampled(scenes, lon, lat)
        assert [str(each.time.date()) for each in series.rows] == list(DAYS)
        for each in series.rows:
            value, reason = expected[str(each.time.date())]
            assert each.sample.values == (None if value is None else pytest.approx((value,), abs=2e-6))
            assert each.sample.reason == reason
            assert (each.sample.valid, each.sample.masked) == (
                float(value is not None),
                float(reason == "masked"),
            )
            assert each.sample.statistics is None
            reasons.add(reason)
        assert not series.report.partial
        assert (series.sampling_grid.crs, series.sampling_grid.resolution, series.sampling_grid.coarser) == (
            "EPSG:32632",
            10,
            False,
        )
    assert reasons == {None, "masked", "no-data"}


@pytest.mark.parametrize("geometry", [*POLYGONS.values(), HOLED], ids=[*POLYGONS, "holes and several parts"])
def test_statistics_of_polygons_equal_exactextract_on_each_date(dates: Dates, geometry: dict[str, Any]) -> None:
    folder, scenes = dates
    (area,) = areas_of(geometry)
    (series,) = series_of(folder, [area])
    to_utm = Transformer.from_crs(4326, SQUARE.epsg, always_xy=True)
    dense = shapely.segmentize(shapely.geometry.shape(geometry), 0.0005)
    shape = shapely.transform(dense, lambda places: np.stack(to_utm.transform(*places.T), axis=1))
    total = shape.area / 100
    days, cloudy = expected_ndvi(scenes), cloudy_pixels(scenes)
    assert [str(row.time.date()) for row in series.rows] == list(DAYS)
    geod = Geod(ellps="WGS84")
    geodesic_area = sum(
        abs(geod.geometry_area_perimeter(part)[0]) for part in shapely.get_parts(shapely.normalize(dense))
    )
    assert series.sampling_grid.hectares == pytest.approx(geodesic_area / 10_000, rel=1e-5)
    for row in series.rows:
        day = str(row.time.date())
        values, sample = days[day].astype(np.float32), row.sample
        shares = coverage_fractions(GRID, shape)
        valid = shares[~np.isnan(values)].sum(dtype=float) / total
        cloud = shares[np.isnan(values) & cloudy[day]].sum(dtype=float) / total
        assert sample.valid == pytest.approx(valid, abs=1e-5)
        assert sample.masked == pytest.approx(cloud, abs=1e-5)
        if not valid:
            assert sample.values is sample.statistics is None
            assert sample.reason == ("masked" if cloud else "no-data")
            continue
        expected = zonal(values, GRID, shape)
        assert sample.statistics is not None
        statistics = asdict(sample.statistics[0])
        assert sample.values == (statistics["mean"],)
        assert sample.reason is None
        for name, value in statistics.items():
            assert value == pytest.approx(expected[name], rel=2e-4, abs=2e-4), (day, name)


def test_an_overpass_in_two_datastrips_is_one_observation(dates: Dates) -> None:
    folder, scenes = dates
    north, south = [scene.id for scene in scenes if scene.time.startswith(STRIPS)]
    (series,) = series_of(folder, areas_of(POLYGONS["within"]), when=STRIPS)
    (row,) = series.rows
    assert row.sample.scenes == (north, south)
    (series,) = series_of(folder, [point(*lonlat(150.5, 20.5))], when=STRIPS, mask="none")
    assert series.rows[0].sample.scenes == (north,)
    (series,) = series_of(folder, [point(*lonlat(150.5, 290.5))], when=STRIPS, mask="none")
    assert series.rows[0].sample.scenes == (south,)


def test_an_area_with_scenes_of_another_zone_is_sampled_in_that_zone(tmp_path: Path) -> None:
    """MGRS tiles extend beyond their zone: this area is east of 12 degrees, where zone 33 begins."""
    square = Square("32TRK", 32632, 790_020, 5_000_040, 60)
    rng = np.random.default_rng(5)
    red, nir = (rng.integers(300, 4000, (60, 60)).astype(np.uint16) for _ in "ab")
    scl = np.full((30, 30), 4, np.uint8)
    scene = MadeScene("S2A_32TRK_20240105_0_L2A", square, "2024-01-05T10:10:31Z", {"red": red, "nir": nir, "scl": scl})
    scene.write(tmp_path)
    grid = Grid(square.crs, Affine(10, 0, square.left, 0, -10, square.top), 60, 60)
    shape = shapely.Polygon([grid.at(*place) for place in ((10.2, 8.3), (50.1, 12.2), (41.7, 49.6))])
    back = Transformer.from_crs(square.epsg, 4326, always_xy=True)
    degrees = shapely.transform(
        shapely.segmentize(shape, 20.0), lambda places: np.stack(back.transform(*places.T), axis=1)
    )
    (area,) = areas_of(json.loads(shapely.to_geojson(degrees)))
    assert sampling_grid_of(area, 10, 10_000).crs == "EPSG:32633"
    recorder = Recorder()
    (series,) = series_of(tmp_path, [area], listener=recorder)
    assert series.sampling_grid.crs == "EPSG:32632"
    kinds = [kind for kind, *_ in recorder.events]
    assert sorted(kinds) == ["grid_chosen", "grid_chosen", "observation_sampled", "observations_found"]
    assert kinds[-1] == "observation_sampled"
    values = ((nir.astype(float) - red) / (nir.astype(float) + red)).astype(np.float32)
    expected = zonal(values, grid, shape)
    (row,) = series.rows
    assert row.sample.statistics is not None
    for name, value in asdict(row.sample.statistics[0]).items():
        assert value == pytest.approx(expected[name], rel=1e-4, abs=1e-4), name


def test_large_areas_are_sampled_in_parts_with_the_same_result(dates: Dates, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = dates
    areas = areas_of(POLYGONS["within"], HOLED)
    whole = series_of(folder, areas)
    monkeypatch.setattr("scog.products.areas.sampling_grid.PART_SIDE", 37)
    monkeypatch.setattr("scog.products.timeseries.sampler.MAX_INLINE_PIXELS", 100)
    for one, other in zip(whole, series_of(folder, areas), strict=True):
        assert len(parts_of(other.sampling_grid)) > 9
        for row, again in zip(one.rows, other.rows, strict=True):
            assert again.sample.scenes == row.sample.scenes
            assert again.sample.valid == pytest.approx(row.sample.valid)
            assert again.sample.masked == pytest.approx(row.sample.masked)
            if row.sample.statistics is not None:
                assert again.sample.statistics is not None
                left, right = asdict(row.sample.statistics[0]), asdict(again.sample.statistics[0])
                assert right == pytest.approx(left, rel=1e-5)


def test_areas_with_too_many_pixels_are_sampled_at_a_coarser_resolution(dates: Dates) -> None:
    folder, scenes = dates
    (series,) = series_of(
        folder, areas_of(POLYGONS["on the pixels' edges"]), settings={"area_pixels": 1500}, mask="none"
    )
    assert series.sampling_grid.coarser
    assert series.sampling_grid.resolution == 20
    assert series.sampling_grid.hectares == pytest.approx(40, rel=1e-3)
    clear = expected_ndvi(scenes, masked=())
    for row in series.rows:
        block = clear[str(row.time.date())][100:200, 100:140]
        if not np.isnan(block).any():
            assert row.sample.values == pytest.approx((block.mean(),), abs=0.01)


def test_several_indices_and_the_scene_classification_are_sampled(dates: Dates) -> None:
    folder, _ = dates
    place, area = [point(*lonlat(*PLACES[0]))], areas_of(POLYGONS["on the pixels' edges"])
    (ndvi,) = series_of(folder, place)
    (both,) = series_of(folder, place, "ndvi,dvi")
    for one, two in zip(ndvi.rows, both.rows, strict=True):
        assert (one.sample.values is None) == (two.sample.values is None)
        if one.sample.values is not None and two.sample.values is not None:
            assert two.sample.values[0] == one.sample.values[0]
            assert np.sign(two.sample.values[1]) == np.sign(one.sample.values[0])
    (classes,) = series_of(folder, area, "scl", mask="none", when=OVERCAST)
    assert classes.rows[0].sample.values == (9.0,)
    assert classes.sampling_grid.resolution == 20


def test_dilation_masks_more_pixels(dates: Dates) -> None:
    folder, _ = dates
    (area,) = areas_of(POLYGONS["within"])
    undilated = series_of(folder, [area])[0]

    async def dilated() -> Series:
        async with open_engine(Settings(catalog=str(folder))) as engine:
            request = replace(image_request(), mask=parse_mask("clouds", 60.0))
            return (await sample_series(SeriesState(engine), [area], variables_of(), request))[0]

    for row, again in zip(undilated.rows, asyncio.run(dilated()).rows, strict=True):
        if 0 < row.sample.masked < 1 and row.sample.valid:
            assert again.sample.valid < row.sample.valid
            assert again.sample.masked > row.sample.masked
            assert again.sample.valid + again.sample.masked == pytest.approx(row.sample.valid + row.sample.masked)


# Failures


@pytest.fixture
def broken(dates: Dates, tmp_path: Path) -> Path:
    """A copy of the archive with files that tests may break; its index is rebuilt."""
    folder = tmp_path / "broken"
    shutil.copytree(dates[0], folder, ignore=shutil.ignore_patterns("scog-index*"))
    return folder


def files(folder: Path, day: str, band: str) -> list[Path]:
    return sorted(folder.glob(f"*/*{day.replace('-', '')}*/{band}.tif"))


def test_an_unreadable_scene_has_a_reason_instead_of_values(broken: Path) -> None:
    files(broken, DAYS[0], "nir")[0].unlink()
    files(broken, DAYS[1], "scl")[0].write_bytes(b"not a TIFF" * 100)
    place, area = point(*lonlat(277.5, 160.5)), areas_of(POLYGONS["all"])[0]
    for series in series_of(broken, [place, area], mask="clouds"):
        by_day = {str(row.time.date()): row.sample for row in series.rows}
        assert by_day[DAYS[1]].reason == "not-a-tiff"
        assert by_day[DAYS[1]].values is None
        assert {name.split("_")[2] for name in series.report.skipped} <= {"20240105", "20240219"}
        if not series.sampling_grid.is_point:
            assert by_day[DAYS[0]].reason == "no-file"
            assert by_day[DAYS[0]].scenes
        assert [row.sample.failed for row in series.rows].count(True) <= 2


def test_one_of_two_datastrips_may_fail(broken: Path) -> None:
    files(broken, STRIPS, "red")[0].unlink()
    (series,) = series_of(broken, areas_of(POLYGONS["all"]), when=STRIPS)
    (row,) = series.rows
    assert row.sample.values is not None
    assert row.sample.reason is None
    assert 0.2 < row.sample.valid < 0.6
    assert len(series.report.skipped) == 1


def test_no_readable_scene_is_an_error(broken: Path) -> None:
    for path in broken.glob("*/*/*.tif"):
        path.unlink()
    with pytest.raises(NothingReadable) as caught:
        series_of(broken, areas_of(POLYGONS["all"]))
    assert len(caught.value.skipped) == len(DAYS) + 1


def test_a_place_without_scenes_has_no_rows(dates: Dates) -> None:
    (series,) = series_of(dates[0], [point(50.0, 50.0)])
    assert series.rows == ()


# Limits


def test_a_truncated_series_has_the_newest_observations(dates: Dates) -> None:
    (series,) = series_of(dates[0], [point(*lonlat(*PLACES[0]))], settings={"series_scenes": 3})
    assert [str(row.time.date()) for row in series.rows] == list(DAYS[-3:])
    assert series.report.truncated


def test_without_an_interval_a_series_covers_the_newest_days(dates: Dates) -> None:
    async def work(days: int) -> int:
        async with open_engine(Settings(catalog=str(dates[0]), series_days=days)) as engine:
            request = replace(image_request(), interval=None)
            return len(
                (await sample_series(SeriesState(engine), [point(*lonlat(*PLACES[0]))], variables_of(), request))[
                    0
                ].rows
            )

    assert asyncio.run(work(365)) == len(DAYS)
    assert asyncio.run(work(90)) == 4


def test_at_the_deadline_a_series_has_the_observations_sampled_so_far(
    dates: Dates, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Sampler.sample

    async def slowly(self: Sampler, observation: Any) -> Any:
        if observation.time.month < 6:
            await asyncio.sleep(60)
        return await sample(self, observation)

    monkeypatch.setattr(Sampler, "sample", slowly)
    since = time.perf_counter()
    (series,) = series_of(dates[0], areas_of(POLYGONS["all"]), settings={"series_deadline": 1.0})
    assert time.perf_counter() - since < 5
    assert series.report.incomplete == "deadline"
    assert [row.sample.reason == "deadline" for row in series.rows] == [True] * 4 + [False] * 4
    assert set(series.report.skipped.values()) == {"deadline"}
    with pytest.raises(DeadlineExceeded):
        series_of(dates[0], areas_of(POLYGONS["all"]), settings={"series_deadline": 0.5}, when="../2024-05-30")


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (polygon((-12000, 0), (9999, 0), (9999, 9999), (-12000, 9999)), "too wide"),
        (polygon((100.1, 100.1), (100.10001, 100.1), (100.10001, 100.10001)), "too small"),
    ],
)
def test_areas_that_cannot_be_sampled_are_refused(dates: Dates, geometry: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        series_of(dates[0], areas_of(geometry))
    assert caught.value.parameter == "geometry"


# Listeners and caching


class Recorder:
    """A listener that records events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, object]] = []

    def grid_chosen(self, place: int, area: object, site: SamplingGrid) -> None:
        self.events.append(("grid_chosen", place, site.is_point))

    def observations_found(self, place: int, count: int) -> None:
        self.events.append(("observations_found", place, count))

    def observation_sampled(self, place: int, row: Row) -> None:
        self.events.append(("observation_sampled", place, str(row.time.date())))


def test_a_listener_receives_each_event_once(dates: Dates) -> None:
    recorder = Recorder()
    series_of(dates[0], [point(*lonlat(*PLACES[0])), *areas_of(POLYGONS["all"])], listener=recorder)
    assert recorder.events[:2] == [("grid_chosen", 0, True), ("grid_chosen", 1, False)]
    for place in (0, 1):
        assert ("observations_found", place, len(DAYS)) in recorder.events
        sampled_days = [
            what for kind, where, what in recorder.events if kind == "observation_sampled" and where == place
        ]
        assert sorted(map(str, sampled_days)) == list(DAYS)


def test_cached_samples_are_not_read_again(dates: Dates, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled_days: list[str] = []
    sample = Sampler.sample

    async def counted(self: Sampler, observation: Any) -> Any:
        sampled_days.append(str(observation.time.date()))
        return await sample(self, observation)

    monkeypatch.setattr(Sampler, "sample", counted)

    async def work() -> None:
        async with open_engine(Settings(catalog=str(dates[0]))) as engine:
            state = SeriesState(engine)
            areas = areas_of(POLYGONS["within"])
            first = await sample_series_in(state, areas)
            assert sorted(sampled_days) == list(DAYS)
            again = await sample_series_in(state, areas)
            assert len(sampled_days) == len(DAYS)
            assert [row.sample for row in again[0].rows] == [row.sample for row in first[0].rows]
            assert {scene.id for scene in again[0].report.used} == {scene.id for scene in first[0].report.used}
            await sample_series_in(state, areas, mask="none")
            assert len(sampled_days) == 2 * len(DAYS)
            await sample_series_in(state, areas_of(POLYGONS["narrow"]))
            assert len(sampled_days) == 3 * len(DAYS)
            for key in list(state.samples._entries):
                value, size = state.samples._entries[key]
                state.samples.put(key, (value[0] - 4000, value[1]), size)
            await sample_series_in(state, areas)
            assert len(sampled_days) == 4 * len(DAYS), "cached samples expire after an hour"

    asyncio.run(work())


def test_a_reprocessed_scene_is_sampled_again(dates: Dates) -> None:
    async def work() -> None:
        async with open_engine(Settings(catalog=str(dates[0]))) as engine:
            state = SeriesState(engine)
            (series,) = await sample_series_in(state, areas_of(POLYGONS["within"]), when=DAYS[0])
            (scene,) = series.report.used
            sampler = Sampler(state, series.sampling_grid, variables_of(), image_request(), Report())

            def cached(other: Scene) -> Sample | None:
                return sampler.cached(Observation(other.time, (other,)))

            assert cached(scene) == cached(replace(scene)) == series.rows[0].sample
            moved = [
                replace(scene, assets=scene.assets | {band: replace(scene.assets[band], url="file:///elsewhere.tif")})
                for band in ("nir", "scl")
            ]
            for other in (replace(scene, processed_at="later"), replace(scene, id="B"), *moved):
                assert cached(other) is None
            with_blue = scene.assets | {"blue": scene.assets["red"]}
            assert cached(replace(scene, assets=with_blue)) is not None, (
                "assets that are not read are not part of the key"
            )

    asyncio.run(work())


def test_failed_scenes_are_read_again(broken: Path) -> None:
    (nir,) = files(broken, PARTLY_COVERED, "nir")
    data = nir.read_bytes()

    async def work() -> None:
        async with open_engine(Settings(catalog=str(broken))) as engine:
            state = SeriesState(engine)
            areas = areas_of(POLYGONS["all"])
            nir.unlink()
            (series,) = await sample_series_in(state, areas, when=f"{PARTLY_COVERED}/{DAYS[-1]}")
            assert [row.sample.failed for row in series.rows] == [True, False, False]
            nir.write_bytes(data)
            engine.blocks._errors._errors.clear()  # errors are cached for a minute
            (series,) = await sample_series_in(state, areas, when=f"{PARTLY_COVERED}/{DAYS[-1]}")
            assert [row.sample.failed for row in series.rows] == [False] * 3

    asyncio.run(work())
