"""Colour tables against the catalogue they come from."""

from __future__ import annotations

import cmap
import numpy as np
import pytest

from scog.errors import InvalidInput
from scog.maths import indices
from scog.picture.colormap import COLORS, SUGGESTED, color_table


@pytest.mark.parametrize("name", [*SUGGESTED, "rdylgn_r", "Viridis", "matlab:hot", "tol:nightfall"])
def test_tables_are_the_catalogues(name: str) -> None:
    table = color_table(name)
    stops = cmap.Colormap(name.lower()).color_stops
    places = np.linspace(0, 1, COLORS)
    expected = [np.interp(places, stops.stops, channel) for channel in np.asarray(stops.color_array).T[:3]]
    assert table.shape == (COLORS, 3)
    assert table.dtype == np.uint8
    assert not table.flags.writeable
    assert abs(table / 255 - np.stack(expected, axis=1)).max() < 0.51 / 255 + (0.003 if len(stops) == 256 else 0)


@pytest.mark.parametrize("name", SUGGESTED)
def test_a_name_that_ends_in_r_is_reversed(name: str) -> None:
    assert abs(color_table(name).astype(int) - color_table(f"{name}_r")[::-1]).max() <= 2  # stops are a step apart


def test_vegetation_is_green_and_bare_ground_is_red() -> None:
    table = color_table("rdylgn").astype(int)
    assert table[0, 0] > table[0, 1] + 100
    assert table[-1, 1] > table[-1, 0] + 80


def test_every_index_has_a_colormap_that_exists() -> None:
    for index in indices.INDICES.values():
        assert color_table(index.colormap).shape == (COLORS, 3)


@pytest.mark.parametrize(
    "name", ["", "nosuch", "rdylgn_r_r_x", "../../etc", "a" * 65, "viridis\n", "ｖｉｒｉｄｉｓ", "_r", ":", "http://x"]
)
def test_unknown_names(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        color_table(name)
    assert refused.value.parameter == "colormap_name"
    assert refused.value.valid
    assert len(str(refused.value)) < 150
