"""Presets: existing bands or formulas, unique names, fixed ranges, and spelling variants."""

from __future__ import annotations

import pytest

from scog.bandmath.expression import parse
from scog.bandmath.indices import INDICES
from scog.collections.presets import Preset, normalized
from scog.collections.profile import Profile
from scog.render.layer import LayerOptions, layer_of
from tests.collections.test_bands import BUILT_IN, EVERY
from tests.profiles import BY_NAME, PRESETS, SENTINEL_2, preset_of

EVERY_PRESET = pytest.mark.parametrize(
    ("profile", "preset"),
    [
        pytest.param(profile, preset, id=f"{profile.name}: {preset.name}")
        for profile in BUILT_IN
        for preset in profile.presets
    ],
)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_of_sentinel_2_has_three_bands_and_their_ranges(preset: Preset) -> None:
    assert len(preset.bands) == 3
    assert set(preset.bands) <= set(BY_NAME)
    assert SENTINEL_2.ranges(preset) == tuple(BY_NAME[band].display_range for band in preset.bands)


@EVERY_PRESET
def test_a_preset_has_three_bands_or_formulas(profile: Profile, preset: Preset) -> None:
    expression = parse(";".join(preset.bands), profile.names)
    assert expression.outputs == 3
    assert set(expression.bands) <= set(profile.by_name)
    assert len(profile.ranges(preset)) == 3
    assert all(low < high for low, high in profile.ranges(preset))
    assert preset.title
    assert preset.description
    assert profile.names.canonical_names.get(preset.name) is None  # a name must not denote both a band and a preset
    assert preset.name not in INDICES


@EVERY
def test_presets_and_layers_are_unique(profile: Profile) -> None:
    shown = [(preset.bands, profile.ranges(preset), preset.transform) for preset in profile.presets]
    assert len({preset.title for preset in profile.presets}) == len(set(shown)) == len(shown)
    named = [normalized(each.name) for each in (*profile.presets, *profile.layers)]
    assert len(set(named)) == len(named)
    for layer in profile.layers:  # a layer with the name of a band shows that band
        assert profile.names.canonical_names.get(layer.name, layer.expression) == layer.expression


@EVERY
def test_the_default_and_every_layer_can_be_drawn(profile: Profile) -> None:
    for name in (profile.default, *(layer.name for layer in profile.layers)):
        layer = layer_of(profile, LayerOptions(index=name))
        assert profile.open or set(layer.expression.bands) <= set(profile.by_name)
    assert layer_of(profile).expression == layer_of(profile, LayerOptions(index=profile.default)).expression


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
