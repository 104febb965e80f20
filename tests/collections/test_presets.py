"""Presets: existing bands, unique names, fixed ranges, and spelling variants."""

from __future__ import annotations

import pytest

from scog.bandmath.indices import INDICES
from scog.collections.presets import Preset
from tests.profiles import BY_NAME, CANONICAL, PRESETS, preset_of


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_has_three_bands_and_their_ranges(preset: Preset) -> None:
    assert len(preset.bands) == 3
    assert set(preset.bands) <= set(BY_NAME)
    assert preset.ranges == tuple(BY_NAME[band].display_range for band in preset.bands)
    assert preset.title
    assert preset.description
    assert preset.name not in CANONICAL  # a name must not denote both a band and a preset
    assert preset.name not in INDICES


def test_presets_are_unique() -> None:
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)
    assert len({preset.title for preset in PRESETS}) == len(PRESETS)
    assert len({preset.bands for preset in PRESETS}) == len(PRESETS)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_spelling_variants_name_the_same_preset(preset: Preset) -> None:
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
def test_unknown_names_are_refused(name: str) -> None:
    assert preset_of(name) is None
