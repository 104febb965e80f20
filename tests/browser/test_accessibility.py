"""Accessibility: axe rules, keyboard use, large text, phones, reduced motion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import PHONE, Visit, visiting

pytestmark = pytest.mark.acceptance

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe's rules need: axe-playwright-python")


def violations(page: Any, only: str | None = None) -> list[str]:
    """Violations that axe-core finds, with their elements, by all rules or one."""
    options = {"runOnly": {"type": "rule", "values": [only]}} if only else {}
    response = axe.Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}" for each in response["violations"]]


def initial_page(visit: Visit) -> None:
    visit.page.wait_for_selector("#histogram path", state="attached")


def with_expression(visit: Visit) -> None:
    visit.page.click("#layer-list [role=option] >> nth=0")
    visit.page.fill("#expression", "nir +")
    visit.page.wait_for_selector("#expression-error p")


def with_colormaps(visit: Visit) -> None:
    visit.page.click("#colormap")
    visit.page.wait_for_selector("#colormap-list .ramp[style]")


def with_classes(visit: Visit) -> None:
    visit.page.fill("#layer-search", "scl")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("#classes small")


def with_export(visit: Visit) -> None:
    visit.page.click("#tab-export")
    visit.page.wait_for_selector("#snippet:not(:empty)")


def with_swipe(visit: Visit) -> None:
    visit.page.click("#swipe")
    visit.page.click("#footprints")
    visit.drawn()


def with_coordinates(visit: Visit) -> None:
    visit.page.click("#go-to-button")
    visit.page.keyboard.type("nowhere")
    visit.page.keyboard.press("Enter")


def with_series(visit: Visit) -> None:
    visit.page.keyboard.press("Escape")
    visit.page.click("#tab-analyse")
    visit.page.focus("#map")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("#chart .dot", state="attached")


def with_analyse(visit: Visit) -> None:
    visit.page.click("#tab-analyse")


def with_drawing(visit: Visit) -> None:
    visit.page.click("#draw-shape")


PARTS = [
    initial_page,
    with_expression,
    with_colormaps,
    with_classes,
    with_export,
    with_swipe,
    with_coordinates,
    with_series,
    with_drawing,
]


@pytest.mark.parametrize(("color_scheme", "only"), [("light", None), ("dark", "color-contrast")])
def test_axe_finds_nothing_on_a_desktop(chromium: Any, server: str, color_scheme: str, only: str | None) -> None:
    with visiting(chromium, server, color_scheme=color_scheme) as visit:
        visit.open()
        violations_by_part = {}
        for part in PARTS if only is None else (initial_page, with_classes, with_export, with_series):
            part(visit)
            violations_by_part[part.__name__] = violations(visit.page, only)
    assert {name: found for name, found in violations_by_part.items() if found} == {}


@pytest.mark.parametrize(
    ("color_scheme", "only"),
    [("light", None), pytest.param("dark", "color-contrast", marks=pytest.mark.acceptance)],
)
def test_axe_finds_nothing_on_a_phone(chromium: Any, server: str, color_scheme: str, only: str | None) -> None:
    with visiting(chromium, server, viewport=PHONE, color_scheme=color_scheme, is_mobile=True, has_touch=True) as visit:
        visit.open()
        violations_by_part = {"folded": violations(visit.page, only)}
        visit.page.click("#fold")
        for part in (with_expression, with_export, with_analyse) if only is None else (initial_page,):
            part(visit)
            violations_by_part[part.__name__] = violations(visit.page, only)
    assert {name: found for name, found in violations_by_part.items() if found} == {}


def test_the_panel_is_a_sheet_on_a_phone(phone: Visit) -> None:
    phone.open()
    page = phone.page
    assert page.locator("#controls").is_hidden()
    assert page.locator("#dock").is_visible()
    page.click("#fold")
    assert page.locator("#controls").is_visible()
    assert page.get_attribute("#fold", "aria-expanded") == "true"
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    small = page.eval_on_selector_all(
        "#tools button, #fold, [role=tab]",
        "all => all.map(one => one.getBoundingClientRect()).filter(box => box.width < 24 || box.height < 24).length",
    )
    assert small == 0


CLIPPED = """all => all.filter(one => one.scrollWidth > one.clientWidth + 1
  && getComputedStyle(one).overflowX === 'visible' && one.offsetParent)
  .map(one => one.id || one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE])
def test_text_of_twice_the_size_fits(chromium: Any, server: str, size: dict[str, int]) -> None:
    with visiting(chromium, server, viewport=size) as visit:
        page = visit.page
        visit.open()
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        if size is PHONE:
            page.click("#fold")
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        for tab in ("layer", "analyse", "export"):
            page.click(f"#tab-{tab}")
            assert (
                page.eval_on_selector_all("#panel button, #panel label, #panel legend, #panel p, .option", CLIPPED)
                == []
            )
        page.click("#tab-layer")
        page.fill("#layer-search", "ndwi")
        page.keyboard.press("Enter")
        page.wait_for_selector("#layer-title >> text=NDWI")
        if size is PHONE:
            page.click("#fold")
        page.click("#previous")
        outside = page.eval_on_selector_all(
            "#tools button, #dock button:not([hidden]), #fold",
            """all => all.filter(one => one.offsetParent).filter(one => {
              const { left, top, width, height } = one.getBoundingClientRect();
              return !one.contains(document.elementFromPoint(left + width / 2, top + height / 2));
            }).map(one => one.id)""",
        )
        assert outside == []


def test_every_control_has_keyboard_focus_and_a_focus_ring(visit: Visit) -> None:
    visit.open()
    page = visit.page
    initial_page(visit)
    focused: list[str] = []
    without_ring: list[str] = []
    for _ in range(70):
        page.keyboard.press("Tab")
        name, has_ring = page.evaluate(
            """() => {
              const one = document.activeElement;
              const ring = (each) => getComputedStyle(each).outlineStyle !== 'none';
              const next = one.nextElementSibling;
              const name = one.id || one.dataset.end || one.ariaLabel || one.textContent.trim();
              return [name, ring(one) || (next && ring(next))];
            }"""
        )
        if page.evaluate("document.activeElement === document.body") or (focused and name == focused[0]):
            break
        if name not in focused:  # date inputs have tab stops for day, month and year
            focused.append(name)
        if not has_ring:
            without_ring.append(name)
    assert without_ring == []
    order = [
        "fold",
        "0",
        "1",
        "tab-layer",
        "layer-search",
        "stretch-to-view",
        "colormap",
        "opacity",
        "mask",
        "clouds",
        "from",
    ]
    order += [
        "composite",
        "reset",
        "map",
        "zoom-in",
        "go-to-button",
        "swipe",
        "footprints",
        "full-extent",
        "previous",
        "play",
        "span",
        "timeline",
    ]
    positions = [focused.index(name) for name in order]
    assert positions == sorted(positions), focused


def test_every_control_has_a_name(opened: Visit) -> None:
    names = opened.page.eval_on_selector_all(
        "button, input, textarea, select, [role=slider]",
        """all => all.filter(one => one.offsetParent)
          .map(one => one.ariaLabel || one.labels?.[0]?.innerText || one.innerText || one.id + ' has none')""",
    )
    assert [name for name in names if name.endswith("has none")] == []


def test_tabs_and_folding_by_keyboard(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.focus("#tab-layer")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-export"
    assert page.locator("#page-export").is_visible()
    page.keyboard.press("ArrowRight")
    assert page.locator("#page-layer").is_visible()
    page.focus("#fold")
    page.keyboard.press("Enter")
    assert page.locator("#controls").is_hidden()
    assert page.get_attribute("#fold", "aria-expanded") == "false"


def test_reduced_motion_is_respected(chromium: Any, server: str) -> None:
    with visiting(chromium, server) as visit:
        visit.open()
        assert not visit.page.evaluate(
            "getComputedStyle(document.querySelector('#fold svg')).transitionDuration.startsWith('0.2')"
        )
        assert visit.page.locator(".leaflet-fade-anim, .leaflet-zoom-anim").count() == 0
    with visiting(chromium, server, reduced_motion="no-preference") as visit:
        visit.open()
        assert visit.page.locator(".leaflet-fade-anim").count() == 1
