"""The command line: output, files and exit status."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from scog import __version__, cli
from scog.composite.methods import COMPOSITES
from scog.demo import make
from tests.doubles.archives import MadeScene, Square, constant

SQUARE = Square("32TQK", 32632, 700_000, 5_000_040, 300)
TILE = ("12", "2179", "1471")
Scog = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    scl = constant(SQUARE, 4, 20, np.uint8)
    bands = {"red": constant(SQUARE, 1000), "nir": constant(SQUARE, 3000), "green": constant(SQUARE, 900)}
    MadeScene("S2A_32TQK_20240602_0_L2A", SQUARE, "2024-06-02T10:10:31Z", bands | {"scl": scl}).write(folder)
    return folder


def environment(**settings: str) -> dict[str, str]:
    """The environment of this process with only these settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCOG_")}
    return inherited | settings | {"PYTHONWARNINGS": "error::ResourceWarning"}


def scog(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process."""
    return subprocess.run(
        [sys.executable, "-m", "scog.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment(**settings),
        check=False,
    )


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command within this process, which is faster. Returns exit status, stdout and stderr."""
    try:
        code = cli.main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capfd.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SCOG_"):
            monkeypatch.delenv(name)


# Sheet


def test_a_sheet_draws_what_it_can_and_reports_the_rest(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    options = ("-o", str(sheet), "--layers", "ndvi,swir,scl", "--columns", "2", "--catalog", str(archive))
    code, out, err = run(capfd, "sheet", *TILE, *options)
    assert (code, out) == (0, ""), err
    assert err.startswith("  swir: no-band-")
    assert err.endswith(f"{sheet}: 3 images\n")
    with Image.open(sheet) as image:
        colors = np.asarray(image.convert("RGB"))
    assert 2 * 300 < colors.shape[1] < 2 * 300 + 60
    assert (colors == (0, 160, 0)).all(axis=2).sum() > 5000, "vegetation of the classification fills its image"


def test_a_sheet_has_an_image_for_each_composite(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.png"
    options = ("-o", str(sheet), "--layers", "ndvi", "--catalog", str(archive), "--composites")
    for composites, images in (("median,p25", 2), ("all", len(COMPOSITES) + 1)):  # all but mode, and two percentiles
        code, _, err = run(capfd, "sheet", *TILE, *options, composites)
        assert code == 0, err
        assert err.endswith(f"{sheet}: {images} images\n")
    code, _, err = run(capfd, "sheet", *TILE, *options, "mode")
    assert code == 2
    assert "composite=median" in err


@pytest.mark.parametrize(
    "wrong",
    [
        ["-o", "t.jpg"],
        ["-o", "t.png", "--columns", "0"],
        ["-o", "t.png", "--composites", "medium"],
        ["-o", "t.png", "--layers", "nosuch"],
        ["-o", "t.png", "--layers", "ndvi,"],
    ],
)
def test_invalid_sheet_options_are_refused(
    wrong: list[str], archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capfd, "sheet", *TILE, *wrong, "--catalog", str(archive))
    assert code == 2
    assert err.startswith("scog: ")
    assert "Valid: " in err
    assert not list(tmp_path.glob("t.*"))


# Animation

BOX = ",".join(f"{degrees:.3f}" for degrees in (*SQUARE.lonlat(0.2, 0.8), *SQUARE.lonlat(0.8, 0.2)))


@pytest.mark.parametrize("ending", ["gif", "webp"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "1 frames, 2024-06-02 to 2024-06-02"),
        (["--datetime", "2024-06-02", "--fps", "5"], "1 frames, 2024-06-02 to 2024-06-02"),
        (
            ["--from", "2024-05-01", "--to", "2024-06-30", "--step", "P1M", "--composite", "median"],
            "1 frames, 2024-06-01 to 2024-06-30; 1 skipped (too few valid pixels)",
        ),
        (["--from", "2024-06-01", "--rescale", "-0.2,0.9"], "1 frames, 2024-06-02 to 2024-06-02"),
    ],
)
def test_an_animation_is_written_and_summarised(
    ending: str, options: list[str], message: str, archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / f"lapse.{ending}"
    arguments = (BOX, "-o", str(output), "--size", "100", "--catalog", str(archive), *options)
    code, out, err = run(capfd, "animate", *arguments)
    assert (code, out, err) == (0, "", f"{output}: {message}\n")
    with Image.open(output) as image:
        assert max(image.size) == 100
        assert image.format == ending.upper()


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ([BOX, "-o", "t.png"], "gif, webp"),
        ([BOX, "-o", "t"], "gif, webp"),
        ([BOX, "-o", "t.gif", "--datetime", "2024-06-02", "--to", "2024-06-03"], "cannot be combined"),
        ([BOX, "-o", "t.gif", "--fps", "2", "--duration", "100"], "one of the two"),
        ([BOX, "-o", "t.gif", "--fps", "nan"], "0.1 to 50"),
        ([BOX, "-o", "t.gif", "--step", "P1H"], "P1M"),
        ([BOX, "-o", "t.gif", "--min-clear", "2"], "0 to 1"),
        ([BOX, "-o", "t.gif", "--size", "9999"], "64 to 1024"),
        ([BOX, "-o", "t.gif", "--from", "2020-01-01", "--to", "2020-01-02"], "no observation"),
        (["-12,40,-11.9,40.1", "-o", "t.gif"], "no observation"),
        (["1,2,3", "-o", "t.gif"], "west,south,east,north"),
        ([BOX, "-o", "t.gif", "--index", "nix"], "nix"),
    ],
)
def test_invalid_animation_options_are_refused(
    options: list[str],
    fragment: str,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capfd, "animate", *options, "--catalog", str(archive))
    assert (code, err.count("\n")) == (2, 1), err
    assert err.startswith("scog: ")
    assert fragment in err
    assert not list(tmp_path.iterdir())


# Tile


def test_a_tile_is_written_by_a_process(archive: Path, tmp_path: Path) -> None:
    ended = scog("tile", *TILE, "-o", str(tmp_path / "tile.png"), "--catalog", str(archive))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert "1 scenes used, 0 skipped" in ended.stderr
    with Image.open(tmp_path / "tile.png") as image:
        assert image.size == (256, 256)


def test_the_catalogue_of_the_environment_is_used(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCOG_CATALOG", str(archive))
    code, _, err = run(capfd, "tile", *TILE, "-o", str(tmp_path / "tile.npy"), "--expression", "nir-red")
    assert code == 0, err
    values = np.load(io.BytesIO((tmp_path / "tile.npy").read_bytes()), allow_pickle=False)
    assert values.shape == (1, 256, 256)
    assert set(np.unique(values[np.isfinite(values)]).round(4).tolist()) == {np.float32(0.2).round(4)}


@pytest.mark.parametrize(
    ("options", "valid"),
    [
        ([], True),
        (["--index", "ndvi"], True),
        (["--bands", "nir, red, green"], True),
        (["--datetime", "2024-06-02"], True),
        (["--datetime", "2020-01-01"], False),
        (["--cloud-cover", "5"], False),
        (["--mask", "none"], True),
        (["--mask", "4"], False),
        (["--rescale", "-0.2,0.9"], True),
        (["--classes", "-0.2,0.3"], True),
        (["--resampling", "cubic", "--composite", "median", "--size", "64"], True),
        (["--bands", "true_colour", "--datetime", "2020-01-01"], False),
        (["--compare", "2024-06-02", "--compare-as", "ratio"], True),
        (["--compare", "2020-01-01"], False),
    ],
)
def test_tile_options_are_applied(
    options: list[str], valid: bool, archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tile.npy"
    code, _, err = run(capfd, "tile", *TILE, "-o", str(output), "--catalog", str(archive), *options)
    assert code == 0, err
    assert np.isfinite(np.load(output)).any() == valid


REFUSALS = [
    # options, status, fragment
    (["-o", "t.gif"], 2, "there is no format 'gif'"),
    (["-o", "t"], 2, "has no extension"),
    (["-o", "t.png", "--index", "nix"], 2, "nix"),
    (["-o", "t.png", "--expression", "nirr"], 2, "did you mean nir"),
    (["-o", "t.png", "--bands", "red,green"], 2, "one band or three"),
    (["-o", "t.png", "--index", "ndvi", "--bands", "red"], 2, "one of"),
    (["-o", "t.png", "--datetime", "yesterday"], 2, "is not a time"),
    (["-o", "t.png", "--compare", "yesterday"], 2, "is not a time"),
    (["-o", "t.png", "--compare-as", "ratio"], 2, "only one"),
    (["-o", "t.png", "--compare", "2024-06-02", "--bands", "true-color"], 2, "three outputs"),
    (["-o", "t.png", "--cloud-cover", "nan"], 2, "0 to 100"),
    (["-o", "t.png", "--cloud-cover", "101"], 2, "0 to 100"),
    (["-o", "t.png", "--cloud-cover", "few"], 2, "invalid float"),
    (["-o", "t.png", "--mask", "12"], 2, "no class '12' in scl"),
    (["-o", "t.png", "--catalog", "/nowhere/at/all"], 2, "folder /nowhere/at/all does not exist"),
    (["-o", "/nowhere/at/all/t.png"], 1, "No such file or directory"),
    ([], 2, "required"),
    (["-o", "t.png", "--nix"], 2, "unrecognized"),
]


@pytest.mark.parametrize(("options", "status", "fragment"), REFUSALS, ids=[" ".join(row[0]) for row in REFUSALS])
def test_invalid_tile_options_are_refused(
    options: list[str],
    status: int,
    fragment: str,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capfd, "tile", *TILE, "--catalog", str(archive), *options)
    assert code == status, err
    assert fragment in err
    assert out == ""
    assert "Traceback" not in err
    assert len(err) < 1500
    assert list(tmp_path.iterdir()) == [], "no file was written"


@pytest.mark.parametrize("address", [("25", "0", "0"), ("12", "4096", "0"), ("12", "-1", "0"), ("12", "0", "x")])
def test_tiles_that_do_not_exist_are_refused(
    address: tuple[str, ...], archive: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capfd, "tile", *address, "-o", "t.png", "--catalog", str(archive))
    assert code == 2
    assert "Traceback" not in err


def test_a_catalogue_that_cannot_be_reached_is_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    code, _, err = run(capfd, "tile", *TILE, "-o", str(tmp_path / "t.png"), "--catalog", url)
    assert code == 1
    assert "catalogue" in err
    assert err.count("\n") == 1


def test_a_process_reports_a_refusal_in_one_line() -> None:
    ended = scog("tile", *TILE, "-o", "t.png", "--catalog", "/nowhere/at/all")
    assert ended.returncode == 2
    assert ended.stderr.startswith("scog: The folder /nowhere/at/all does not exist.")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("value", ["0", "many"])
def test_an_invalid_setting_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCOG_WAITING", value)
    code, _, err = run(capfd, "serve", "--port", "0")
    assert code == 2
    assert err.startswith("scog: setting waiting: ")
    assert err.count("\n") == 1


# Help


@pytest.mark.parametrize("command", [[], ["serve"], ["demo"], ["tile"]])
def test_help_describes_every_command(command: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, *command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith("usage: scog")
    if not command:
        assert all(name in out for name in ("serve", "demo", "tile"))
    else:
        options = [line.split()[0] for line in out.splitlines() if line.startswith("  -")]
        described = [line for line in out.splitlines() if line.startswith("  -") and len(line.split("  ")) > 2]
        assert len(options) >= 3
        assert described


def test_the_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "--version") == (0, f"scog {__version__}\n", "")


def test_a_command_is_required(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd)
    assert code == 2
    assert "COMMAND" in err


# Serving


class Serving:
    """A server as a separate process, with its output in a file."""

    def __init__(self, log: Path, *arguments: str, **settings: str) -> None:
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scog.cli", *arguments],
                stdout=output,
                stderr=output,
                env=environment(**settings),
            )

    def wait_for(self, fragment: str, within: float = 20.0) -> str:
        """Wait until the output contains a fragment, and return it."""
        end = time.monotonic() + within
        while fragment not in (text := self.log.read_text()):
            assert time.monotonic() < end, text
            assert self.process.poll() is None, text
            time.sleep(0.02)
        return text

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


def address_in(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("Open http://")]
    return line.split()[1].rstrip("/")


def test_an_archive_is_served_until_the_interrupt(archive: Path, tmp_path: Path) -> None:
    with Serving(tmp_path / "log", "serve", "--catalog", str(archive), "--port", "0") as serving:
        text = serving.wait_for("Ctrl+C stops.")
        assert f"scog serves {archive}" in text
        url = address_in(text)
        assert not url.endswith(":0")
        with httpx.Client(base_url=url, trust_env=False, transport=httpx.HTTPTransport(retries=20)) as client:
            assert client.get("/healthz").json() == {"status": "ok"}
            assert client.get(f"/tiles/{'/'.join(TILE)}").status_code == 200
        serving.process.send_signal(signal.SIGINT)
        assert serving.process.wait(10) in (0, 130, -signal.SIGINT)
        assert "Traceback" not in serving.log.read_text()


def test_without_a_catalogue_earth_search_is_served(tmp_path: Path) -> None:
    with Serving(tmp_path / "log", "serve", "--port", "0", SCOG_CACHE_DIR=str(tmp_path)) as serving:
        text = serving.wait_for("Ctrl+C stops.")
        assert "scog serves https://earth-search.aws.element84.com/v1" in text
        with httpx.Client(base_url=address_in(text), trust_env=False) as client:
            assert client.get("/healthz", timeout=10).status_code == 200  # without an upstream request


def test_a_port_in_use_is_refused(archive: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = scog("serve", "--catalog", str(archive), "--port", port)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"scog: Cannot listen on 127.0.0.1, port {port}: Address already in use.")
    assert "--port" in ended.stderr
    assert ended.stderr.count("\n") == 1, "no URL of the other server is printed"


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--port", "65536"], "--port 65536 is not a port."),
        (["--port", "-1"], "--port -1 is not a port."),
        (["--port", "http"], "invalid int"),
        (["--host", "192.0.2.1", "--port", "0"], "Cannot listen on 192.0.2.1"),
        (["--catalog", "/nowhere/at/all"], "folder /nowhere/at/all does not exist"),
        (["--catalog", "{empty}"], "contains no usable STAC item"),
    ],
)
def test_invalid_server_options_are_refused(
    options: list[str], fragment: str, archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = [option.replace("{empty}", str(tmp_path)) for option in options]
    code, _, err = run(capfd, "serve", "--catalog", str(archive), *options)
    assert code == 2
    assert fragment in err
    assert "Traceback" not in err
    assert "Open http" not in err


# The demo


@pytest.fixture
def quick_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the drawing of the demo's images."""

    def fill(folder: Path, progress: make.Progress) -> None:
        for done in range(20):
            progress(done + 1, 20, "a scene")

    monkeypatch.setattr(make, "_fill", fill)


@pytest.mark.usefixtures("quick_demo")
def test_the_demo_is_created_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "demo"
    code, out, err = run(capfd, "demo", "--archive", str(folder), "--make-only")
    assert (code, out) == (0, "")
    assert "20/20" in err
    assert err.count("Creating") == 10
    modified = (folder / "archive.json").stat().st_mtime_ns
    assert run(capfd, "demo", "--archive", str(folder), "--make-only") == (0, "", "")
    assert (folder / "archive.json").stat().st_mtime_ns == modified


def test_an_existing_demo_is_not_created_again(demo_archive: Path) -> None:
    marker = demo_archive / "archive.json"
    before = marker.stat().st_mtime_ns
    since = time.monotonic()
    ended = scog("demo", "--archive", str(demo_archive), "--make-only")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert marker.stat().st_mtime_ns == before
    assert time.monotonic() - since < 15
    assert json.loads(marker.read_text())["generator"] == "scog demo"


@pytest.mark.usefixtures("quick_demo")
def test_another_folder_is_not_modified(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    code, _, err = run(capfd, "demo", "--archive", str(tmp_path), "--make-only")
    assert code == 2
    assert "not a demo archive" in err
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]
