"""Commands of the documents run in sequence, against the demo archive and at coordinates of its island."""

from __future__ import annotations

import ast
import csv
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from scog.bandmath.indices import INDICES
from scog.composite.methods import COMPOSITES
from scog.imaging.formats import FORMATS
from scog.settings import Settings
from tests.profiles import PRESETS, SENTINEL_2
from tests.web.conftest import Served, served

ROOT = Path(__file__).parents[1]
GUIDE = sorted(f"docs/guide/{each.name}" for each in ROOT.glob("docs/guide/*.md"))
DOCUMENTS = ("README.md", "docs/quickstart.md", *GUIDE)
NOT_RUN = ("make ", "poetry ", "scog serve")
"""Prefixes of commands that install, test, or do not end."""


def fenced(document: str, language: str) -> list[str]:
    """The code blocks of a document in a language."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def blocks(document: str) -> list[str]:
    """The shell blocks of a document that can be run."""
    return [block for block in fenced(document, "sh") if not any(word in block for word in NOT_RUN)]


def scripts(document: str) -> list[str]:
    """The Python blocks of a document whose libraries are installed."""
    return [block for block in fenced(document, "python") if runs(block)]


def runs(code: str) -> bool:
    """Whether all modules that the code imports are installed, and it does not need the console of QGIS."""
    tree = ast.parse(code)
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    is_installed = all(importlib.util.find_spec(name.partition(".")[0]) for name in modules)
    return is_installed and not any(isinstance(node, ast.Name) and node.id == "iface" for node in ast.walk(tree))


LINES = [line for document in DOCUMENTS for block in blocks(document) for line in block.splitlines()]
CURLS = [line for line in LINES if line.startswith("curl")]
SIGNATURES = {
    ".png": b"\x89PNG", ".tif": b"II*\0", ".gif": b"GIF8", ".webp": b"RIFF", ".geojson": b"{",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(demo_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(Settings(catalog=str(demo_archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running


@pytest.fixture(scope="module")
def work_folder(demo_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that commands run in."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "demo-archive").symlink_to(demo_archive)
    return folder


def adapt_to_demo(commands: str, url: str) -> str:
    """The commands with coordinates and dates of the demo, and the URL of the test's server."""
    adapted = commands.replace("http://127.0.0.1:8000", url).replace("11.2,46.4,11.5,46.6", "11.95,40.16,12.05,40.24")
    adapted = adapted.replace("[11.2, 46.4, 11.5, 46.6]", "[11.95, 40.16, 12.05, 40.24]").replace(
        "11.35,46.5", "12.0,40.2"
    )
    adapted = re.sub(r"tiles/\d+/\d+/\d+", "tiles/12/2184/1547", adapted)
    adapted = re.sub(
        r"\[(11\.\d+), (46\.\d+)\]", lambda at: f"[{float(at[1]) + 0.65:.3f}, {float(at[2]) - 6.3:.3f}]", adapted
    )
    adapted = adapted.replace("(11.3, 46.45, 11.4, 46.52)", "(11.95, 40.16, 12.05, 40.24)")
    adapted = adapted.replace("=2023-", "=2022-").replace("/2023-", "/2022-")
    adapted = adapted.replace("2022-05-20/2022-05-31", "2022-06-01/2022-06-30")  # the demo has scenes of June
    adapted = adapted.replace("X-Scog-Preview", "X-Scog-Scenes")  # local archives have no previews
    return adapted.replace(".venv/bin/python", sys.executable)


def environment(work_folder: Path) -> dict[str, str]:
    """Environment variables of the commands: as settings only the demo archive and a cache folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCOG_")}
    settings = {"SCOG_CATALOG": "demo-archive", "SCOG_CACHE_DIR": str(work_folder / "cache"), "PYTHONPATH": str(ROOT)}
    return inherited | settings


def test_the_documents_have_commands() -> None:
    assert sum(line.startswith("curl") for block in blocks("README.md") for line in block.splitlines()) == 3
    assert sum(bool(blocks(document)) for document in DOCUMENTS) >= 14
    assert sum(len(blocks(document)) for document in DOCUMENTS) >= 38
    assert len(CURLS) >= 50
    assert sum(len(scripts(document)) for document in DOCUMENTS) >= 9


@pytest.mark.parametrize("line", CURLS)
def test_curl_saves_no_error_as_a_file(line: str) -> None:
    words = line.split(" http")[0].split(' "http')[0].split()
    fails = any(re.fullmatch(r"-[a-zA-Z]*f[a-zA-Z]*", word) for word in words)
    assert fails if "-o" in words else fails or "--fail-with-body" in words


@pytest.mark.acceptance
@pytest.mark.skipif(shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash")
@pytest.mark.parametrize("document", [document for document in DOCUMENTS if blocks(document)])
def test_commands_run_in_sequence(document: str, demo: Served, work_folder: Path) -> None:
    # Sections use a file that another section creates.
    ordered = sorted(blocks(document), key=lambda block: "> field.geojson" not in block)
    for block in ordered:
        commands = adapt_to_demo(block, demo.url)
        result = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", commands],
            cwd=work_folder,
            env=environment(work_folder),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, f"{commands}\n{result.stdout[-500:]}\n{result.stderr[-2000:]}"
        assert "Traceback" not in result.stderr
        for name in re.findall(r"(?:-o|--plot|>) (\S+\.\w+)", commands):
            path = work_folder / name
            content = path.read_bytes()
            if path.suffix == ".csv":
                first, *rest = csv.reader(content.decode().splitlines())
                assert rest, f"{name} has no rows"
                assert {len(row) for row in rest} == {len(first)}, name
                continue
            assert content.startswith(SIGNATURES[path.suffix]), name
            if path.suffix in (".png", ".gif", ".webp"):
                with Image.open(path) as image:
                    image.load()
                    assert image.convert("RGBA").getextrema()[3][1] == 255, f"{name} is empty"


@pytest.mark.acceptance
@pytest.mark.parametrize("document", [document for document in DOCUMENTS if scripts(document)])
def test_python_code_runs(document: str, demo: Served, work_folder: Path) -> None:
    code = adapt_to_demo("\n".join(scripts(document)), demo.url)
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=work_folder,
        env=environment(work_folder),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, f"{code}\n{result.stderr[-2000:]}"
    assert result.stdout


OF_SENTINEL_2 = sum(SENTINEL_2.has_bands(index.bands) for index in INDICES.values())
LINKING = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "docs/guide/*.md", "docs/reference/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", LINKING)
def test_links_lead_to_files_and_headings(document: str) -> None:
    document_path = ROOT / document
    text = re.sub(r"^```.*?^```$", "", document_path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"', text):
        path, _, anchor = "".join(link).partition("#")
        if path.startswith(("http://", "https://")):
            continue
        target = (document_path.parent / path).resolve() if path else document_path
        assert target.exists(), f"{document} links to {path}"
        assert not anchor or anchor in anchors(target), f"{document} links to {path}#{anchor}"


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ("docs/guide/tiles.md", [preset.name for preset in PRESETS]),
        ("docs/guide/tiles.md", [name for each in FORMATS for name in each.names[:1]]),
        ("docs/guide/masks-and-composites.md", [composite.name for composite in COMPOSITES]),
        ("README.md", [f"{len(INDICES)} indices"]),
        ("docs/guide/map.md", [f"{len(PRESETS)} band combinations and {OF_SENTINEL_2} indices"]),
    ],
)
def test_documents_have_all_names(document: str, names: list[str]) -> None:
    text = (ROOT / document).read_text()
    assert [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)] == []
