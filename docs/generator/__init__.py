"""Generates docs/reference/ from the code: routes, headers, errors, settings, commands and the Python API.

`make reference` writes the pages; tests/test_reference.py fails if a committed page differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generator import cli, errors, headers, http, python, settings

FOLDER = Path(__file__).parents[1] / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "http.md": http.page,
    "headers.md": headers.page,
    "errors.md": errors.page,
    "settings.md": settings.page,
    "cli.md": cli.page,
    "python.md": python.page,
}
"""The function that makes each file of docs/reference/."""
