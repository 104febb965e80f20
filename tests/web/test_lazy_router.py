"""Lazy routes respond to the first request, and are documented."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from fastapi import APIRouter

from scog.settings import Settings
from scog.web.http.lazy_router import LazyRouter
from scog.web.warm_up import warm_up
from tests.web.conftest import served


def test_concurrent_requests_build_one_router() -> None:
    made: list[APIRouter] = []
    started = threading.Event()

    def make() -> APIRouter:
        started.wait(1)
        made.append(APIRouter())
        return made[-1]

    later = LazyRouter(make)

    async def ask() -> list[APIRouter]:
        asking = [asyncio.create_task(asyncio.to_thread(later.router)) for _ in range(4)]
        started.set()
        return await asyncio.gather(*asking)

    assert asyncio.run(ask()) == made * 4
    assert later.router() is made[0]


def test_building_the_router_is_retried_after_an_error() -> None:
    def make() -> APIRouter:
        if not tried:
            tried.append(True)
            raise OSError("the disk was away")
        return APIRouter()

    tried: list[bool] = []
    later = LazyRouter(make)
    with pytest.raises(OSError, match="disk"):
        later.router()
    assert later.router() is later.router()


@pytest.mark.parametrize("first", ["/indices/ndvi", "/openapi.json", "/stac/collections", "/nowhere", "/cubes"])
def test_the_first_request_may_be_for_a_lazy_route(first: str, archive: Path) -> None:
    with served(Settings(catalog=str(archive))) as server:
        assert server.get(first).status_code == {"/nowhere": 404, "/cubes": 405}.get(first, 200)
        paths = server.get("/openapi.json").json()["paths"]
    assert {"/tiles/{z}/{x}/{y}", "/indices/{name}", "/stac/search"} <= paths.keys()


def test_warm_up() -> None:
    warm_up()
