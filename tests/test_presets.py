"""Presets: bands that exist, names that are told apart, ranges that nothing changes."""

from __future__ import annotations

import pytest

from scog.bands import BY_NAME, CANONICAL
from scog.maths.indices import INDICES
from scog.presets import PRESETS, Preset, preset_of


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_three_bands_and_their_ranges(preset: Preset) -> None:
    assert len(preset.bands) == 3
    assert set(preset.bands) <= set(BY_NAME)
    assert preset.ranges == tuple(BY_NAME[band].shown for band in preset.bands)
    assert preset.title
    assert preset.description
    assert preset.name not in CANONICAL  # one word may not mean a band and a preset
    assert preset.name not in INDICES


def test_no_two_presets_are_the_same() -> None:
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)
    assert len({preset.title for preset in PRESETS}) == len(PRESETS)
    assert len({preset.bands for preset in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_is_found_however_it_is_spelled(preset: Preset) -> None:
    for spelled in (
        preset.name,
        preset.name.upper(),
        preset.name.replace("-", "_"),
        preset.name.replace("-", " ").title(),
        preset.name.replace("-", ""),
        preset.name.replace("color", "colour"),
    ):
        assert preset_of(spelled) is preset


@pytest.mark.parametrize("name", ["", "-", "red", "true", "color", "agricultur", "ndvi", "é"])
def test_what_is_no_preset(name: str) -> None:
    assert preset_of(name) is None
