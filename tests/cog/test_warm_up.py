"""The GeoTIFF that warms up a thread is decoded by scog, not GDAL."""

from __future__ import annotations

import pytest

from scog.cog import warm_up


def test_the_tiny_geotiff_is_decoded_by_scog(monkeypatch: pytest.MonkeyPatch) -> None:
    described = []
    usual = warm_up.template_of
    monkeypatch.setattr(warm_up, "template_of", lambda *args: described.append(usual(*args)))
    warm_up.describe_tiny_geotiff()
    [template] = described
    assert template.storage is not None
    assert len(template.levels) == 1
