"""The wheel, installed in an empty environment, serves the demo and the viewer."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("scog", "pyproject.toml", "README.md", "LICENSE")


def get(url: str) -> tuple[str, bytes]:
    """Media type and body."""
    request = urllib.request.Request(url, headers={"Accept": "text/html,*/*"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.headers.get_content_type(), response.read()


@pytest.mark.acceptance
def test_the_wheel_serves_the_demo_and_the_viewer(tmp_path: Path, demo_archive: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for part in PARTS:
        part_path = ROOT / part
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(part_path, source / part, ignore=ignored) if part_path.is_dir() else shutil.copy(
            part_path, source
        )

    def run(*command: Any) -> None:
        subprocess.run([str(part) for part in command], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)

    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", source)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", "empty")
    installed = tmp_path / "empty" / "bin"
    run(installed / "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    command = [str(installed / "scog"), "demo", "--archive", str(demo_archive), "--port", "0"]
    server = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        lines = iter(server.stderr.readline, "")
        url = next(match[0] for match in (re.search(r"http://127\.0\.0\.1:\d+", line) for line in lines) if match)
        kind, page = get(f"{url}/")
        assert kind == "text/html"
        linked = re.findall(r'(?:src|href)="(static/[^"]+)"', page.decode())
        assert len(linked) >= 4
        for link in linked:
            kind, body = get(f"{url}/{link}")
            assert kind in ("text/css", "text/javascript", "application/javascript"), link
            assert body
        kind, tile = get(f"{url}/tiles/12/2184/1547?index=ndvi")
        assert kind == "image/png"
        assert tile.startswith(b"\x89PNG")
        assert b"ndvi" in get(f"{url}/indices")[1]
        assert b"rdylgn" in get(f"{url}/colorMaps")[1]
    finally:
        server.terminate()
        server.communicate(timeout=20)
