"""The screenshots of the documents: `--screenshots` writes them to `deploy/screenshots/`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import DESKTOP, PHONE, Visit, visiting
from tests.browser.test_selection import wait_for_chart

FOLDER = Path(__file__).parents[2] / "deploy" / "screenshots"
LARGEST = 400_000
ISLAND = "/#12/40.1970/11.9660"


def plain(visit: Visit) -> None:
    visit.open(f"{ISLAND}?bands=true-color")
    visit.page.wait_for_selector("#histogram path", state="attached")


def phone(visit: Visit) -> None:
    visit.open("/?#11/40.1450/12.0000?index=ndvi&time=2022-06-07")


def dark(visit: Visit) -> None:
    visit.open(f"{ISLAND}?bands=agriculture&time=2022-06-07")
    visit.page.wait_for_selector("#histogram path", state="attached")


def swipe(visit: Visit) -> None:
    visit.open(f"{ISLAND}?bands=true-color&time=2022-06-07&swipe=52&b.index=ndvi&b.time=2022-06-07&side=b")
    visit.page.wait_for_selector("#histogram path", state="attached")


def series(visit: Visit) -> None:
    visit.open(
        "/#13/40.1760/11.9820?index=ndvi&time=2022-06-07"
        "&area=12.0060,40.2050;12.0200,40.2070;12.0230,40.1990;12.0080,40.1960"
    )
    visit.page.click("#tab-analyse")
    wait_for_chart(visit)
    visit.page.wait_for_selector("#statistics-table td")


def quantised(value: int) -> int:
    """Brightness in 29 levels, which makes the file smaller."""
    return min(255, round(value / 9) * 9) if 0 < value < 252 else 255 * (value > 0)


SCREENSHOTS: dict[str, tuple[Callable[[Visit], None], dict[str, Any]]] = {
    "desktop": (plain, {"viewport": DESKTOP}),
    "phone": (phone, {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True}),
    "dark": (dark, {"viewport": DESKTOP, "color_scheme": "dark"}),
    "swipe": (swipe, {"viewport": DESKTOP}),
    "series": (series, {"viewport": DESKTOP}),
}


@pytest.mark.parametrize("name", SCREENSHOTS)
def test_screenshots_of_the_documents(chromium: Any, server: str, pytestconfig: pytest.Config, name: str) -> None:
    if not pytestconfig.getoption("--screenshots"):
        pytest.skip("--screenshots rewrites the screenshots of the documents")
    prepare, context_options = SCREENSHOTS[name]
    with visiting(chromium, server, **context_options) as visit:
        prepare(visit)
        visit.drawn()
        visit.page.wait_for_timeout(500)
        screenshot = Image.open(io.BytesIO(visit.page.screenshot())).convert("RGB")
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{name}.png"
    screenshot.save(file, optimize=True)
    if file.stat().st_size >= LARGEST:
        screenshot.point(quantised).save(file, optimize=True)  # a palette of 256 colours would band the ramps
    assert file.stat().st_size < LARGEST


def test_the_guide_shows_all_screenshots() -> None:
    guide = (FOLDER.parents[1] / "docs/guide/map.md").read_text()
    for name in SCREENSHOTS:
        path = f"../../deploy/screenshots/{name}.png"
        assert f"({path})" in guide or f'src="{path}"' in guide
        assert (FOLDER / f"{name}.png").stat().st_size < LARGEST


def test_the_readme_shows_the_map() -> None:
    assert "(deploy/screenshots/series.png)" in (FOLDER.parents[1] / "README.md").read_text()
