"""The API documentation works without the internet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Visit

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_documentation_loads_without_the_internet(path: str, visit: Visit) -> None:
    def only_server(route: Any) -> None:
        return route.continue_() if route.request.url.startswith((visit.server, "data:")) else route.abort()

    page = visit.page
    page.route("**/*", only_server)
    page.goto(visit.server + path)
    page.wait_for_selector("#swagger-ui .opblock-summary-path")
    assert page.url == f"{visit.server}/docs"
    assert page.locator("#swagger-ui .opblock-summary-path").count() > 20
    page.locator(".opblock-summary-path", has_text="/point/").first.click()
    page.wait_for_selector("tr[data-param-name=composite]")
    assert visit.foreign_requests() == []
