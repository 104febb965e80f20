"""Responses of the server without a browser, and changed responses for a page."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def problem(url: str) -> Any:
    with pytest.raises(urllib.error.HTTPError) as raised:
        get(url)
    return json.loads(raised.value.read())


def fulfill_changed(route: Any, **changes: Any) -> None:
    response = route.fetch()
    route.fulfill(response=response, json=response.json() | changes)
