"""An archive of several dates for time series."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.archives import MadeScene
from tests.doubles.series import scenes


@pytest.fixture(scope="session")
def dates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[MadeScene]]:
    folder = tmp_path_factory.mktemp("dates")
    return folder, [scene.write(folder) for scene in scenes()]
