"""`preview=1`: a coarser image sooner, labelled as such and cached for seconds only."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from scog.cog.preview_level import PreviewLevel
from scog.settings import Settings
from scog.web.http.response_headers import EXPOSED_HEADERS
from scog.web.http.responses import COMPLETE, PREVIEW
from tests.doubles.archives import MadeScene, Square, constant
from tests.doubles.range_server import RangeServer, hang, status
from tests.web.conftest import Served, served, tile_at

NOISY = Square("32TQK", 32632, 700_000, 5_000_040, 1200)
TILE = f"/tiles/{tile_at(*NOISY.lonlat(), zoom=13)}"
DAYS = ("02", "07", "12", "17", "22")


def noisy(day: str) -> MadeScene:
    """A scene whose bands compress as little as real ones."""
    random = np.random.default_rng(int(day))
    bands = {band: random.integers(500, 5000, (1200, 1200), np.uint16) for band in ("red", "nir")}
    bands["scl"] = constant(NOISY, 4, 20, np.uint8)
    if day == DAYS[-1]:
        bands["scl"][:300] = 5  # at the centre of the tile
    return MadeScene(f"S2A_32TQK_202406{day}_0_L2A", NOISY, f"2024-06-{day}T10:10:31Z", bands, cloud_cover=5.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("noisy")
    for day in DAYS:
        noisy(day).write(made)
    return made


@pytest.fixture
def origin() -> Iterator[RangeServer]:
    with RangeServer() as server:
        yield server


@pytest.fixture
def distant(folder: Path, origin: RangeServer, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """A server of local items whose files are on `origin`."""
    for path in folder.glob("*/*/*.json"):
        item = json.loads(path.read_bytes())
        for band, asset in item["assets"].items():
            asset["href"] = origin.put(f"/{item['id']}/{band}.tif", (path.parent / f"{band}.tif").read_bytes())
        item_path = tmp_path / "items" / path.relative_to(folder)
        item_path.parent.mkdir(parents=True)
        item_path.write_text(json.dumps(item))
    settings = Settings(catalog=str(tmp_path / "items"), hosts=(origin.host,), cache_dir=tmp_path / "cache")
    running = []

    def start(**options: object) -> Served:
        context = served(settings.model_copy(update=options))
        running.append(context)
        return context.__enter__()

    yield start
    for context in running:
        context.__exit__(None, None, None)


def bytes_read(response: object) -> int:
    return int(response.headers["X-Scog-Upstream"].split("bytes=")[1].split(";")[0])  # type: ignore[attr-defined]


def test_previews_are_labelled(distant: Callable[..., Served]) -> None:
    server = distant()
    preview = server.get(f"{TILE}?preview=1")
    assert preview.status_code == 200
    assert preview.headers["X-Scog-Preview"] == "ratio=16"
    assert preview.headers["Cache-Control"] == PREVIEW
    assert "X-Scog-Preview" in EXPOSED_HEADERS
    image = server.get(TILE)
    assert "X-Scog-Preview" not in image.headers
    assert image.headers["Cache-Control"] == COMPLETE
    assert image.content != preview.content
    assert bytes_read(preview) < bytes_read(image) / 3
    after = server.get(f"{TILE}?preview=1")
    assert "X-Scog-Preview" not in after.headers, "the image is cached"
    assert after.headers["Cache-Control"] == COMPLETE
    assert after.content == image.content
    assert after.headers["ETag"] == image.headers["ETag"]


def test_previews_are_not_cached_as_the_image(distant: Callable[..., Served]) -> None:
    alone = distant().get(f"{TILE}.npy").content
    server = distant()
    assert "X-Scog-Preview" in server.get(f"{TILE}.npy?preview=1").headers
    assert server.get(f"{TILE}.npy").content == alone


def test_local_archives_return_the_image_instead_of_a_preview(folder: Path) -> None:
    with served(Settings(catalog=str(folder))) as server:
        preview = server.get(f"{TILE}?preview=1")
        assert "X-Scog-Preview" not in preview.headers
        assert preview.content == server.get(TILE).content


@pytest.mark.parametrize("number", [1, 3])
def test_previews_of_composites_use_few_observations(number: int, distant: Callable[..., Served]) -> None:
    server = distant()
    median = f"{TILE}?composite=median&datetime=2024-06-01/2024-06-30"
    preview = server.get(f"{median}&preview={number}")
    assert preview.headers["X-Scog-Preview"] == f"ratio=16; observations={number}"
    assert preview.headers["X-Scog-Scenes"] == f"used={number}; skipped=0"
    image = server.get(median)
    assert image.headers["X-Scog-Scenes"] == "used=5; skipped=0"
    assert "X-Scog-Preview" not in server.get(f"{median}&preview={number}").headers


def test_previews_of_mosaics_use_the_newest_first(distant: Callable[..., Served], origin: RangeServer) -> None:
    """Masked clouds are invalid pixels, which the next preview fills."""
    server = distant()
    first = server.get(f"{TILE}.npy?preview=1&mask=5")
    assert first.headers["X-Scog-Preview"] == "ratio=16; observations=1"
    assert first.headers["X-Scog-Used"] == noisy_id("22")
    second = server.get(f"{TILE}.npy?preview=3&mask=5")
    assert second.headers["X-Scog-Preview"] == "ratio=16"
    assert second.headers["X-Scog-Used"] == f"{noisy_id('22')}, {noisy_id('17')}"
    shares = [np.isfinite(np.load(io.BytesIO(each.content))[0]).mean() for each in (first, second)]
    assert 0.2 < shares[0] < 0.8
    assert shares[1] > 0.99


def test_previews_use_all_observations_where_few_would_mislead(distant: Callable[..., Served]) -> None:
    server = distant()
    count = f"{TILE}.npy?composite=count&datetime=2024-06-01/2024-06-30"
    preview = server.get(f"{count}&preview=1")
    assert preview.headers["X-Scog-Preview"] == "ratio=16"
    assert preview.headers["X-Scog-Scenes"] == "used=5; skipped=0"


def test_comparisons_have_previews(distant: Callable[..., Served]) -> None:
    preview = distant().get(f"{TILE}?datetime=2024-06-22&compare=2024-06-02&preview=1")
    assert preview.headers["X-Scog-Preview"] == "ratio=16"


def test_other_routes_reject_preview(distant: Callable[..., Served]) -> None:
    assert distant().get("/bbox/11.5,45.0,11.6,45.1.png?preview=1").status_code == 400


def test_problems_report_progress(distant: Callable[..., Served], origin: RangeServer) -> None:
    server = distant(tile_deadline=0.5, retries=0)
    for day in DAYS:
        origin.fail(f"/{noisy_id(day)}/nir.tif", always=hang)
    response = server.get(f"{TILE}?datetime=2024-06-22")
    assert response.status_code == 504
    assert response.headers["Retry-After"] == "1"
    progress = response.json()["progress"]
    assert (progress["scenes"], progress["of"]) == (0, 1)
    assert progress["requests"] >= 2
    assert progress["bytes"] > 16_000
    assert response.headers["X-Scog-Upstream"].startswith(
        f"requests={progress['requests']}; bytes={progress['bytes']}; "
    )
    assert f"0 of 1 scenes were read; {progress['bytes'] / 1e3:.0f} KB arrived" in response.json()["detail"]


def test_partial_images_have_retry_after(distant: Callable[..., Served], origin: RangeServer) -> None:
    server = distant(tile_deadline=1.5)
    origin.fail(f"/{noisy_id('07')}/nir.tif", always=hang)
    partial = server.get(f"{TILE}?composite=median&datetime=2024-06-01/2024-06-30")
    assert partial.status_code == 200
    assert partial.headers["X-Scog-Incomplete"] == "deadline"
    assert partial.headers["Retry-After"] == "1"


@pytest.mark.parametrize(("code", "after"), [(404, None), (500, "5")])
def test_permanent_failures_have_no_retry_after(
    code: int, after: str | None, distant: Callable[..., Served], origin: RangeServer
) -> None:
    server = distant(retries=0)
    origin.fail(f"/{noisy_id('07')}/nir.tif", always=status(code))
    partial = server.get(f"{TILE}?composite=median&datetime=2024-06-01/2024-06-30")
    assert partial.headers["X-Scog-Skipped"] == f"{noisy_id('07')};http-{code}"
    assert partial.headers.get("Retry-After") == after
    alone = server.get(f"{TILE}?datetime=2024-06-07")
    assert alone.status_code == 502
    assert alone.headers["Retry-After"] == (after or "60")


def noisy_id(day: str) -> str:
    return f"S2A_32TQK_202406{day}_0_L2A"


def test_joined_preview_levels() -> None:
    assert PreviewLevel(4.0).joined(None) == PreviewLevel(4.0)
    assert PreviewLevel(4.0, 3).joined(PreviewLevel(8.0)) == PreviewLevel(8.0, 3)
    assert not PreviewLevel().is_coarse
    assert PreviewLevel(1.0, 3).is_coarse
