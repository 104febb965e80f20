"""Series against rasterio and exactextract over the same files, date by date; strips, clouds, gaps, and what fails."""

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
from scog.composite.mask import parse_mask
from scog.errors import DeadlineExceeded, InvalidInput, NothingReadable
from scog.geo.coverage import share
from scog.geo.grid import Grid
from scog.imaging.engine import open_engine
from scog.imaging.report import Report
from scog.products.areas.area_of_interest import point
from scog.products.areas.sampling_grid import SamplingGrid, parts_of, site_of
from scog.products.timeseries.model import Row, Sample
from scog.products.timeseries.sampler import Sampler
from scog.products.timeseries.series import Series, take
from scog.products.timeseries.state import SeriesState
from scog.products.timeseries.variables import formula_of
from scog.settings import Settings
from tests.doubles.archives import C1, CLOUDY, MadeScene, Square
from tests.doubles.series import (
    DAYS,
    GRID,
    OVERCAST,
    SQUARE,
    STRIPS,
    TORN,
    ask_for,
    clouded,
    fields_of,
    lonlat,
    observed,
    polygon,
    series_of,
    take_from,
)  # fmt: skip
from tests.doubles.zonal import zonal

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
FIELDS = {
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


def sampled(made: list[MadeScene], lon: float, lat: float) -> dict[str, tuple[float | None, str | None]]:
    """NDVI at a place on each day, by rasterio's own sampling of each file, and why there is none."""
    found: dict[str, tuple[float | None, str | None]] = {}
    for scene in sorted(made, key=lambda scene: (scene.time, scene.id)):
        numbers = {}
        for band, path in scene.files.items():
            with rasterio.open(path) as source:
                place = Transformer.from_crs(4326, source.crs, always_xy=True).transform(lon, lat)
                numbers[band] = float(next(source.sample([place]))[0])
        day, shift = scene.time[:10], 0.1 if scene.collection == C1 else 0.0
        if found.get(day, (None, None))[0] is not None:
            continue
        if numbers["scl"] in CLOUDY and numbers["scl"]:
            found[day] = None, "masked"
        elif not (numbers["red"] and numbers["nir"] and numbers["scl"]):
            found.setdefault(day, (None, "no-data"))
        else:
            red, nir = (max(numbers[band] * 1e-4 - shift, 0) for band in ("red", "nir"))
            found[day] = (nir - red) / (nir + red), None
    return found


def test_a_point_has_on_every_date_what_rasterio_samples(dates: Dates) -> None:
    folder, made = dates
    reasons = set()
    for col, row in PLACES:
        lon, lat = lonlat(col, row)
        (series,) = series_of(folder, [point(lon, lat)])
        expected = sampled(made, lon, lat)
        assert [str(each.time.date()) for each in series.rows] == list(DAYS)
        for each in series.rows:
            value, reason = expected[str(each.time.date())]
            assert each.measured.values == (None if value is None else pytest.approx((value,), abs=2e-6))
            assert each.measured.reason == reason
            assert (each.measured.valid, each.measured.masked) == (float(value is not None), float(reason == "masked"))
            assert each.measured.statistics is None
            reasons.add(reason)
        assert not series.report.partial
        assert (series.site.crs, series.site.resolution, series.site.coarser) == ("EPSG:32632", 10, False)
    assert reasons == {None, "masked", "no-data"}


@pytest.mark.parametrize("geometry", [*FIELDS.values(), HOLED], ids=[*FIELDS, "holes and parts"])
def test_a_field_has_on_every_date_what_exactextract_tells(dates: Dates, geometry: dict[str, Any]) -> None:
    folder, made = dates
    (field,) = fields_of(geometry)
    (series,) = series_of(folder, [field])
    there = Transformer.from_crs(4326, SQUARE.epsg, always_xy=True)
    dense = shapely.segmentize(shapely.geometry.shape(geometry), 0.0005)
    shape = shapely.transform(dense, lambda places: np.stack(there.transform(*places.T), axis=1))
    total = shape.area / 100
    days, cloudy = observed(made), clouded(made)
    assert [str(row.time.date()) for row in series.rows] == list(DAYS)
    geod = Geod(ellps="WGS84")
    true = sum(abs(geod.geometry_area_perimeter(part)[0]) for part in shapely.get_parts(shapely.normalize(dense)))
    assert series.site.hectares == pytest.approx(true / 10_000, rel=1e-5)
    for row in series.rows:
        day = str(row.time.date())
        values, measured = days[day].astype(np.float32), row.measured
        shares = share(GRID, shape)
        valid = shares[~np.isnan(values)].sum(dtype=float) / total
        cloud = shares[np.isnan(values) & cloudy[day]].sum(dtype=float) / total
        assert measured.valid == pytest.approx(valid, abs=1e-5)
        assert measured.masked == pytest.approx(cloud, abs=1e-5)
        if not valid:
            assert measured.values is measured.statistics is None
            assert measured.reason == ("masked" if cloud else "no-data")
            continue
        expected = zonal(values, GRID, shape)
        assert measured.statistics is not None
        found = asdict(measured.statistics[0])
        assert measured.values == (found["mean"],)
        assert measured.reason is None
        for name, value in found.items():
            assert value == pytest.approx(expected[name], rel=2e-4, abs=2e-4), (day, name)


def test_a_pass_in_strips_is_one_observation(dates: Dates) -> None:
    folder, made = dates
    north, south = [scene.id for scene in made if scene.time.startswith(STRIPS)]
    (series,) = series_of(folder, fields_of(FIELDS["within"]), when=STRIPS)
    (row,) = series.rows
    assert row.measured.scenes == (north, south)
    (series,) = series_of(folder, [point(*lonlat(150.5, 20.5))], when=STRIPS, mask="none")
    assert series.rows[0].measured.scenes == (north,)
    (series,) = series_of(folder, [point(*lonlat(150.5, 290.5))], when=STRIPS, mask="none")
    assert series.rows[0].measured.scenes == (south,)


def test_where_only_another_zone_has_scenes_its_pixels_are_taken(tmp_path: Path) -> None:
    """Squares reach beyond their zone: this one lies east of 12 degrees, where zone 33 begins."""
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
    (field,) = fields_of(json.loads(shapely.to_geojson(degrees)))
    assert site_of(field, 10, 10_000).crs == "EPSG:32633"
    heard = Heard()
    (series,) = series_of(tmp_path, [field], listener=heard)
    assert series.site.crs == "EPSG:32632"
    kinds = [kind for kind, *_ in heard.events]
    assert sorted(kinds) == ["found", "measured", "sited", "sited"]
    assert kinds[-1] == "measured"
    values = ((nir.astype(float) - red) / (nir.astype(float) + red)).astype(np.float32)
    expected = zonal(values, grid, shape)
    (row,) = series.rows
    assert row.measured.statistics is not None
    for name, value in asdict(row.measured.statistics[0]).items():
        assert value == pytest.approx(expected[name], rel=1e-4, abs=1e-4), name


def test_large_fields_are_measured_in_parts(dates: Dates, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = dates
    fields = fields_of(FIELDS["within"], HOLED)
    whole = series_of(folder, fields)
    monkeypatch.setattr("scog.products.areas.sampling_grid.PART", 37)
    monkeypatch.setattr("scog.products.timeseries.sampler.SMALL", 100)
    for one, other in zip(whole, series_of(folder, fields), strict=True):
        assert len(parts_of(other.site)) > 9
        for row, again in zip(one.rows, other.rows, strict=True):
            assert again.measured.scenes == row.measured.scenes
            assert again.measured.valid == pytest.approx(row.measured.valid)
            assert again.measured.masked == pytest.approx(row.measured.masked)
            if row.measured.statistics is not None:
                assert again.measured.statistics is not None
                left, right = asdict(row.measured.statistics[0]), asdict(again.measured.statistics[0])
                assert right == pytest.approx(left, rel=1e-5)


def test_too_many_pixels_are_looked_at_more_coarsely(dates: Dates) -> None:
    folder, made = dates
    (series,) = series_of(
        folder, fields_of(FIELDS["on the pixels' edges"]), settings={"field_pixels": 1500}, mask="none"
    )
    assert series.site.coarser
    assert series.site.resolution == 20
    assert series.site.hectares == pytest.approx(40, rel=1e-3)
    clear = observed(made, masked=())
    for row in series.rows:
        block = clear[str(row.time.date())][100:200, 100:140]
        if not np.isnan(block).any():
            assert row.measured.values == pytest.approx((block.mean(),), abs=0.01)


def test_several_indices_and_the_classes(dates: Dates) -> None:
    folder, _ = dates
    place, area = [point(*lonlat(*PLACES[0]))], fields_of(FIELDS["on the pixels' edges"])
    (ndvi,) = series_of(folder, place)
    (both,) = series_of(folder, place, "ndvi,dvi")
    for one, two in zip(ndvi.rows, both.rows, strict=True):
        assert (one.measured.values is None) == (two.measured.values is None)
        if one.measured.values is not None and two.measured.values is not None:
            assert two.measured.values[0] == one.measured.values[0]
            assert np.sign(two.measured.values[1]) == np.sign(one.measured.values[0])
    (classes,) = series_of(folder, area, "scl", mask="none", when=OVERCAST)
    assert classes.rows[0].measured.values == (9.0,)
    assert classes.site.resolution == 20


def test_what_grows_takes_more_out(dates: Dates) -> None:
    folder, _ = dates
    (field,) = fields_of(FIELDS["within"])
    plain = series_of(folder, [field])[0]

    async def grown() -> Series:
        async with open_engine(Settings(catalog=str(folder))) as engine:
            ask = replace(ask_for(), mask=parse_mask("clouds", 60.0))
            return (await take(SeriesState(engine), [field], formula_of(), ask))[0]

    for row, again in zip(plain.rows, asyncio.run(grown()).rows, strict=True):
        if 0 < row.measured.masked < 1 and row.measured.valid:
            assert again.measured.valid < row.measured.valid
            assert again.measured.masked > row.measured.masked
            assert again.measured.valid + again.measured.masked == pytest.approx(
                row.measured.valid + row.measured.masked
            )


# What fails


@pytest.fixture
def broken(dates: Dates, tmp_path: Path) -> Path:
    """The archive to break; its index is made anew."""
    folder = tmp_path / "broken"
    shutil.copytree(dates[0], folder, ignore=shutil.ignore_patterns("scog-index*"))
    return folder


def files(folder: Path, day: str, band: str) -> list[Path]:
    return sorted(folder.glob(f"*/*{day.replace('-', '')}*/{band}.tif"))


def test_a_bad_scene_is_null_with_its_reason(broken: Path) -> None:
    files(broken, DAYS[0], "nir")[0].unlink()
    files(broken, DAYS[1], "scl")[0].write_bytes(b"no TIFF at all" * 100)
    place, area = point(*lonlat(277.5, 160.5)), fields_of(FIELDS["all"])[0]
    for series in series_of(broken, [place, area], mask="clouds"):
        by_day = {str(row.time.date()): row.measured for row in series.rows}
        assert by_day[DAYS[1]].reason == "not-a-tiff"
        assert by_day[DAYS[1]].values is None
        assert {name.split("_")[2] for name in series.report.skipped} <= {"20240105", "20240219"}
        if not series.site.is_point:
            assert by_day[DAYS[0]].reason == "no-file"
            assert by_day[DAYS[0]].scenes
        assert [row.measured.failed for row in series.rows].count(True) <= 2


def test_of_two_strips_one_may_fail(broken: Path) -> None:
    files(broken, STRIPS, "red")[0].unlink()
    (series,) = series_of(broken, fields_of(FIELDS["all"]), when=STRIPS)
    (row,) = series.rows
    assert row.measured.values is not None
    assert row.measured.reason is None
    assert 0.2 < row.measured.valid < 0.6
    assert len(series.report.skipped) == 1


def test_nothing_readable_is_an_error(broken: Path) -> None:
    for path in broken.glob("*/*/*.tif"):
        path.unlink()
    with pytest.raises(NothingReadable) as caught:
        series_of(broken, fields_of(FIELDS["all"]))
    assert len(caught.value.skipped) == len(DAYS) + 1


def test_nothing_there_is_none(dates: Dates) -> None:
    (series,) = series_of(dates[0], [point(50.0, 50.0)])
    assert series.rows == ()


# Bounds


def test_the_newest_are_taken_where_there_are_too_many(dates: Dates) -> None:
    (series,) = series_of(dates[0], [point(*lonlat(*PLACES[0]))], settings={"series_scenes": 3})
    assert [str(row.time.date()) for row in series.rows] == list(DAYS[-3:])
    assert series.report.truncated


def test_without_a_time_the_archives_newest_year(dates: Dates) -> None:
    async def work(days: int) -> int:
        async with open_engine(Settings(catalog=str(dates[0]), series_days=days)) as engine:
            ask = replace(ask_for(), interval=None)
            return len((await take(SeriesState(engine), [point(*lonlat(*PLACES[0]))], formula_of(), ask))[0].rows)

    assert asyncio.run(work(365)) == len(DAYS)
    assert asyncio.run(work(90)) == 4


def test_at_the_deadline_what_is_read_is_told(dates: Dates, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Sampler.measure

    async def slowly(self: Sampler, observation: Any) -> Any:
        if observation.time.month < 6:
            await asyncio.sleep(60)
        return await measure(self, observation)

    monkeypatch.setattr(Sampler, "measure", slowly)
    since = time.perf_counter()
    (series,) = series_of(dates[0], fields_of(FIELDS["all"]), settings={"series_deadline": 1.0})
    assert time.perf_counter() - since < 5
    assert series.report.incomplete == "deadline"
    assert [row.measured.reason == "deadline" for row in series.rows] == [True] * 4 + [False] * 4
    assert set(series.report.skipped.values()) == {"deadline"}
    with pytest.raises(DeadlineExceeded):
        series_of(dates[0], fields_of(FIELDS["all"]), settings={"series_deadline": 0.5}, when="../2024-05-30")


@pytest.mark.parametrize(
    ("geometry", "why"),
    [
        (polygon((-12000, 0), (9999, 0), (9999, 9999), (-12000, 9999)), "so wide"),
        (polygon((100.1, 100.1), (100.10001, 100.1), (100.10001, 100.10001)), "so small"),
    ],
)
def test_fields_that_cannot_be_measured(dates: Dates, geometry: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        series_of(dates[0], fields_of(geometry))
    assert caught.value.parameter == "geometry"


# Asked again


class Heard:
    """A listener that writes down."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, object]] = []

    def sited(self, place: int, field: object, site: SamplingGrid) -> None:
        self.events.append(("sited", place, site.is_point))

    def found(self, place: int, count: int) -> None:
        self.events.append(("found", place, count))

    def measured(self, place: int, row: Row) -> None:
        self.events.append(("measured", place, str(row.time.date())))


def test_a_listener_hears_of_everything_once(dates: Dates) -> None:
    heard = Heard()
    series_of(dates[0], [point(*lonlat(*PLACES[0])), *fields_of(FIELDS["all"])], listener=heard)
    assert heard.events[:2] == [("sited", 0, True), ("sited", 1, False)]
    for place in (0, 1):
        assert ("found", place, len(DAYS)) in heard.events
        told = [what for kind, where, what in heard.events if kind == "measured" and where == place]
        assert sorted(map(str, told)) == list(DAYS)


def test_what_is_asked_again_is_not_read_again(dates: Dates, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    measure = Sampler.measure

    async def counted(self: Sampler, observation: Any) -> Any:
        asked.append(str(observation.time.date()))
        return await measure(self, observation)

    monkeypatch.setattr(Sampler, "measure", counted)

    async def work() -> None:
        async with open_engine(Settings(catalog=str(dates[0]))) as engine:
            state = SeriesState(engine)
            fields = fields_of(FIELDS["within"])
            first = await take_from(state, fields)
            assert sorted(asked) == list(DAYS)
            again = await take_from(state, fields)
            assert len(asked) == len(DAYS)
            assert [row.measured for row in again[0].rows] == [row.measured for row in first[0].rows]
            assert {scene.id for scene in again[0].report.used} == {scene.id for scene in first[0].report.used}
            await take_from(state, fields, mask="none")
            assert len(asked) == 2 * len(DAYS)
            await take_from(state, fields_of(FIELDS["narrow"]))
            assert len(asked) == 3 * len(DAYS)
            for key in list(state.measured._kept):
                value, size = state.measured._kept[key]
                state.measured.put(key, (value[0] - 4000, value[1]), size)
            await take_from(state, fields)
            assert len(asked) == 4 * len(DAYS), "an hour later it is looked at anew"

    asyncio.run(work())


def test_a_scene_that_was_processed_again_is_another(dates: Dates) -> None:
    async def work() -> None:
        async with open_engine(Settings(catalog=str(dates[0]))) as engine:
            state = SeriesState(engine)
            (series,) = await take_from(state, fields_of(FIELDS["within"]), when=DAYS[0])
            (scene,) = series.report.used
            measuring = Sampler(state, series.site, formula_of(), ask_for(), Report())

            def recalled(other: Scene) -> Sample | None:
                return measuring.recalled(Observation(other.time, (other,)))

            assert recalled(scene) == recalled(replace(scene)) == series.rows[0].measured
            moved = scene.assets | {"nir": replace(scene.assets["nir"], url="file:///elsewhere.tif")}
            for other in (replace(scene, generated="later"), replace(scene, id="B"), replace(scene, assets=moved)):
                assert recalled(other) is None
            beside = scene.assets | {"blue": scene.assets["red"]}
            assert recalled(replace(scene, assets=beside)) is not None, "what is not needed does not count"

    asyncio.run(work())


def test_what_failed_is_tried_again(broken: Path) -> None:
    (nir,) = files(broken, TORN, "nir")
    data = nir.read_bytes()

    async def work() -> None:
        async with open_engine(Settings(catalog=str(broken))) as engine:
            state = SeriesState(engine)
            fields = fields_of(FIELDS["all"])
            nir.unlink()
            (series,) = await take_from(state, fields, when=f"{TORN}/{DAYS[-1]}")
            assert [row.measured.failed for row in series.rows] == [True, False, False]
            nir.write_bytes(data)
            engine.blocks._faults._known.clear()  # they are remembered for a minute
            (series,) = await take_from(state, fields, when=f"{TORN}/{DAYS[-1]}")
            assert [row.measured.failed for row in series.rows] == [False] * 3

    asyncio.run(work())
