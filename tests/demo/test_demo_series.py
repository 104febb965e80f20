"""Time series of a field agree with the generator's phenology, with clouds masked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from scipy import ndimage

from scog.demo.landscape import Landscape, landscape
from scog.demo.mgrs import EAST
from scog.demo.overpasses import OVERPASSES
from scog.demo.spectra import BANDS, VARIANTS, Kind, table
from scog.products.areas.area_of_interest import parse_areas
from scog.products.timeseries.options import SeriesOptions, table_of
from tests.doubles.series import series_of
from tests.profiles import variables_of

CLEAR = {overpass.day for overpass in OVERPASSES if not (overpass.sky.clouds or overpass.sky.haze or overpass.sky.veil)}
"""Days without clouds, haze or cirrus."""


@pytest.fixture(scope="module")
def land() -> Landscape:
    return landscape(EAST)


def parcel(land: Landscape, kind: Kind) -> tuple[dict[str, Any], int]:
    """A square inside the widest parcel of a crop as GeoJSON, and the crop's index in the generator's tables."""
    variants = range(kind * VARIANTS, (kind + 1) * VARIANTS)
    number = max(variants, key=lambda number: int((land.code == number).sum()))
    reach = ndimage.distance_transform_edt(land.code == number)
    row, col = np.unravel_index(reach.argmax(), reach.shape)
    half = 10 * (reach.max() - 2) / 2**0.5
    x, y = EAST.left + 10 * (col + 0.5), EAST.top - 10 * (row + 0.5)
    box = shapely.box(x - half, y - half, x + half, y + half)
    back = Transformer.from_crs(EAST.epsg, 4326, always_xy=True)
    ring = [list(map(float, back.transform(*corner))) for corner in box.exterior.coords]
    return {"type": "Polygon", "coordinates": [ring]}, number


def expected_ndvi(number: int, day: int) -> float:
    """NDVI of a crop on a day of the year in the generator, under a clear sky."""
    spectrum = table(day)[:, number]
    red, nir = spectrum[BANDS.index("B04")], spectrum[BANDS.index("B08")]
    return float((nir - red) / (nir + red))


@pytest.mark.parametrize("kind", [Kind.MAIZE, Kind.WHEAT])
def test_series_follow_the_phenology_of_the_crop(kind: Kind, land: Landscape, demo_archive: Path) -> None:
    geometry, number = parcel(land, kind)
    (series,) = series_of(demo_archive, parse_areas(geometry, 1, 9).areas)
    clear_rows = [row for row in series.rows if row.sample.values is not None and row.sample.valid > 0.9]
    assert len(clear_rows) >= 10
    measured = np.array([row.sample.values[0] for row in clear_rows if row.sample.values])
    expected = np.array([expected_ndvi(number, row.time.timetuple().tm_yday) for row in clear_rows])
    off = np.abs(measured - expected)
    clear = np.array([row.time.date() in CLEAR for row in clear_rows])
    assert clear.sum() >= 4
    assert off[clear].max() < 0.01
    assert np.median(off) < 0.03
    assert np.corrcoef(measured, expected)[0, 1] > 0.97
    days = np.array([row.time.timetuple().tm_yday for row in clear_rows])
    if kind is Kind.MAIZE:
        assert 180 < days[measured.argmax()] < 260, "maize is green in summer"
    if kind is Kind.WHEAT:
        assert 90 < days[measured.argmax()] < 140, "wheat is green in spring"
    assert measured.max() - measured.min() > 0.3


def test_unmasked_clouds_distort_the_series(land: Landscape, demo_archive: Path) -> None:
    geometry, number = parcel(land, Kind.MAIZE)
    fields = parse_areas(geometry, 1, 9).areas
    masked, raw = (series_of(demo_archive, fields, mask=mask)[0] for mask in ("clouds", "none"))
    cloudy = {row.time for row in masked.rows if row.sample.reason == "masked"}
    assert cloudy
    for row in raw.rows:
        if row.time in cloudy:
            assert row.sample.values is not None
            assert abs(row.sample.values[0] - expected_ndvi(number, row.time.timetuple().tm_yday)) > 0.05


def test_the_smoothed_curve_follows_the_phenology(land: Landscape, demo_archive: Path) -> None:
    geometry, number = parcel(land, Kind.MAIZE)
    (series,) = series_of(demo_archive, parse_areas(geometry, 1, 9).areas)
    options = SeriesOptions(variables_of(), smooth=1000.0, min_valid=0.5)
    table = table_of(series.rows, options)
    assert table.curve is not None
    measured = [
        (row.time.timetuple().tm_yday, column[0]) for row, column in zip(table.rows, table.curve, strict=True) if column
    ]
    off = [abs((value or 0) - expected_ndvi(number, day)) for day, value in measured]
    assert np.median(off) < 0.05
