"""The page that describes the API works where nothing but the server can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Visit

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_it_is_drawn_without_the_internet(path: str, visit: Visit) -> None:
    def here_only(route: Any) -> None:
        return route.continue_() if route.request.url.startswith((visit.server, "data:")) else route.abort()

    page = visit.page
    page.route("**/*", here_only)
    page.goto(visit.server + path)
    page.wait_for_selector("#swagger-ui .opblock-summary-path")
    assert page.url == f"{visit.server}/docs"
    assert page.locator("#swagger-ui .opblock-summary-path").count() > 20
    page.locator(".opblock-summary-path", has_text="/point/").first.click()
    page.wait_for_selector("tr[data-param-name=composite]")
    assert visit.foreign_requests() == []
