"""Fixtures for all tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from scog.demo import make

settings.register_profile("scog", deadline=None)  # how fast a machine is at the moment is no law
settings.load_profile("scog")


@pytest.fixture(scope="session")
def demo_archive() -> Path:
    """The demo archive, made once for a version of its generator and kept between runs; do not write into it."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"scog-tests-{user}" / f"demo-archive-{make.VERSION}"
    make.ensure_archive(folder)
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write README's pictures of the map anew")
    parser.addoption("--bless", action="store_true", help="write the golden pictures anew; look at them afterwards")
