"""The public API for notebooks returns what the server returns."""

from __future__ import annotations

import ast
import asyncio
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import rasterio
from PIL import Image

import scog
from scog.errors import InvalidInput, ScogError
from scog.session import Options
from scog.settings import Settings
from tests.web.conftest import served

ROOT = Path(__file__).parents[1]
BBOX = (11.93, 40.19, 11.96, 40.21)
LON, LAT = 11.947, 40.202
AREA = {
    "type": "Polygon",
    "coordinates": [[[11.93, 40.19], [11.96, 40.19], [11.96, 40.21], [11.93, 40.19]]],
}


@pytest.fixture(scope="module")
def session(demo_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[scog.Session]:
    with scog.Session(demo_archive, cache_dir=tmp_path_factory.mktemp("cache")) as session:
        yield session


@pytest.fixture(scope="module")
def server(demo_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(Settings(catalog=str(demo_archive), cache_dir=tmp_path_factory.mktemp("cache"))) as running:
        yield running.client


def test_an_image_equals_the_servers(session: scog.Session, server: httpx.Client) -> None:
    image = session.image(bbox=BBOX, index="ndwi", composite="median", max_size=200)
    box = ",".join(map(str, BBOX))
    response = server.get(f"/bbox/{box}.npy?index=ndwi&composite=median&max_size=200&dst_crs=utm")
    expected = np.load(io.BytesIO(response.content))
    np.testing.assert_array_equal(image.values, expected)
    np.testing.assert_array_equal(image.valid, np.isfinite(expected[0]))
    assert image.names
    assert image.scenes


def test_an_image_of_a_polygon_is_invalid_outside_it(session: scog.Session) -> None:
    whole = session.image(bbox=BBOX, resolution=20.0)
    image = session.image(geometry=AREA, resolution=20.0)
    assert image.crs == whole.crs == "EPSG:32632"
    assert 0.4 < image.valid.mean() < 0.6
    assert np.isnan(image.values[:, ~image.valid]).all()


def test_an_image_is_saved_in_the_format_of_the_extension(session: scog.Session, tmp_path: Path) -> None:
    image = session.image(bbox=BBOX, max_size=100)
    for extension in ("png", "webp", "jpg"):
        image.save(tmp_path / f"image.{extension}")
        with Image.open(tmp_path / f"image.{extension}") as opened:
            assert opened.size == image.valid.shape[::-1]
    image.save(tmp_path / "image.tif")
    with rasterio.open(tmp_path / "image.tif") as source:
        np.testing.assert_array_equal(source.read(), image.values)
        assert source.crs.to_string() == image.crs
        assert source.transform.almost_equals(image.transform)
    assert image._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(InvalidInput, match="format"):
        image.save(tmp_path / "image.bmp")


def test_a_point_equals_the_servers(session: scog.Session, server: httpx.Client) -> None:
    result = session.point(LON, LAT, bands=["nir", "red", "green"], mask="none")
    response = server.get(f"/point/{LON},{LAT}?bands=nir,red,green&mask=none").json()
    assert list(result.values.values()) == response["values"]
    assert (list(result.values), result.scene) == (response["band_names"], response["scene"])
    median = session.point(LON, LAT, composite="median")
    assert (median.scene, median.datetime) == (None, None)


def test_a_series_equals_the_servers(session: scog.Session, server: httpx.Client) -> None:
    for result, response in (
        (session.series(LON, LAT, index="ndvi,ndwi"), server.get(f"/timeseries/{LON},{LAT}?index=ndvi,ndwi")),
        (session.series(geometry=AREA, mask="none"), server.post("/timeseries?mask=none", json=AREA)),
    ):
        expected = response.json()
        assert len(result) == len(expected["observations"]) > 3
        for row, each in zip(result, expected["observations"], strict=True):
            values = [None] * len(each["values"]) if row.values is None else list(row.values.values())
            for value, number in zip(values, each["values"], strict=True):
                assert value == (None if number is None else pytest.approx(number, rel=1e-6))
            assert row.reason == each["reason"]


def test_statistics_equal_the_servers(session: scog.Session, server: httpx.Client) -> None:
    result = session.statistics(AREA, index="ndvi")
    expected = server.post("/statistics?index=ndvi", json=AREA).json()["properties"]
    assert result.statistics["NDVI"].mean == pytest.approx(expected["statistics"]["NDVI"]["mean"])
    assert result.hectares == pytest.approx(expected["measured"]["area_ha"], abs=0.01)


def test_search_returns_scenes(session: scog.Session) -> None:
    scenes = session.search(BBOX, limit=3, cloud_cover=100)
    assert len(scenes) == 3
    assert all(scene.time.year == 2022 for scene in scenes)


def test_methods_work_where_an_event_loop_is_running(session: scog.Session) -> None:
    async def cell() -> float | None:
        return session.point(LON, LAT).values["(nir - red) / (nir + red)"]

    assert asyncio.run(cell()) is not None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"indx": "ndvi"}, "did you mean index"),
        ({"index": "nvdi"}, "ndvi"),
        ({"resampling": "x"}, "resampling"),
        ({"rescale": [1, 0]}, "rescale|range"),
        ({"bbox": (1, 2, 3)}, "four or six finite numbers"),
        ({"geometry": AREA}, "either bbox or geometry"),
        ({"resolution": -10}, "resolution is -10"),
        ({"resolution": float("nan")}, "resolution is nan"),
        ({"max_size": 0}, "max_size is 0"),
        ({"width": -5, "height": 10}, "width is -5"),
        ({"cloud_cover": "30"}, "cloud cover"),
    ],
)
def test_invalid_input_is_rejected(session: scog.Session, options: dict[str, object], words: str) -> None:
    with pytest.raises(scog.ScogError, match=words):
        session.image(**{"bbox": BBOX, **options})  # type: ignore[arg-type]


def test_a_closed_session_has_no_thread_and_raises(demo_archive: Path) -> None:
    before = set(threading.enumerate())
    session = scog.Session(demo_archive)
    session.close()
    session.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "scog-session"]
    with pytest.raises(RuntimeError, match="closed"):
        session.point(LON, LAT)


def test_rescale_accepts_text_lists_and_arrays(session: scog.Session) -> None:
    plain = session.image(bbox=BBOX, max_size=50, rescale="0.5,0.75")
    for rescale in ([0.5, 0.75], np.array([0.5, 0.75], np.float32), [(0.5, 0.75)]):
        assert session.image(bbox=BBOX, max_size=50, rescale=rescale).encode() == plain.encode()  # type: ignore[arg-type]


def test_closing_cancels_calls_in_other_threads(demo_archive: Path, tmp_path: Path) -> None:
    session = scog.Session(demo_archive, cache_dir=tmp_path)
    ended: list[str] = []

    async def forever() -> None:
        await asyncio.Event().wait()

    def call() -> None:
        try:
            session._run(forever())
        except RuntimeError as error:
            ended.append(str(error))

    calls = [threading.Thread(target=call) for _ in range(3)]
    for thread in calls:
        thread.start()
    while len(asyncio.all_tasks(session._loop)) < 3:
        pass
    closers = [threading.Thread(target=session.close) for _ in range(4)]
    for thread in closers:
        thread.start()
    for thread in (*calls, *closers):
        thread.join(20)
        assert not thread.is_alive()
    assert ended == ["The session was closed."] * 3


@pytest.mark.parametrize(
    ("settings", "words"), [({"catlog": "x"}, "did you mean catalog"), ({"threads": 0}, "threads")]
)
def test_invalid_settings_are_rejected(demo_archive: Path, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        scog.Session(demo_archive, **settings)


def test_a_session_that_cannot_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    before = len([thread for thread in threading.enumerate() if thread.name == "scog-session"])
    with pytest.raises(ScogError):
        scog.Session(tmp_path / "nowhere")
    assert len([thread for thread in threading.enumerate() if thread.name == "scog-session"]) == before


def test_all_lists_the_public_names() -> None:
    for name in scog.__all__:
        assert getattr(scog, name).__doc__, f"{name} has no docstring"
    assert set(scog.__all__) <= set(dir(scog))
    session = ast.parse((ROOT / "scog" / "session.py").read_text())
    public = {node.name for node in session.body if isinstance(node, ast.ClassDef)} - {"Options"}
    assert public | {"ScogError"} == set(scog.__all__)
    with pytest.raises(AttributeError):
        scog.nothing  # noqa: B018
    assert (ROOT / "scog" / "py.typed").is_file()


def test_options_have_the_names_of_image_options() -> None:
    from scog.imaging.options import ImageOptions

    assert Options.__annotations__.keys() == ImageOptions.__dataclass_fields__.keys() - {"days"}


def test_importing_scog_loads_no_other_library() -> None:
    code = "import sys, scog; print(sorted({'numpy', 'rasterio', 'fastapi', 'asyncio'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
