"""What warms a thread up describes a file that scog decodes itself."""

from __future__ import annotations

import pytest

from scog.cog import warm_up


def test_the_tiny_geotiff_takes_the_usual_path(monkeypatch: pytest.MonkeyPatch) -> None:
    described = []
    usual = warm_up.template_of
    monkeypatch.setattr(warm_up, "template_of", lambda *args: described.append(usual(*args)))
    warm_up.describe_tiny_geotiff()
    [template] = described
    assert template.storage is not None
    assert len(template.levels) == 1
