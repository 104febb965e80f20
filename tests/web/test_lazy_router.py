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
from tests.profiles import SENTINEL_2
from tests.web.conftest import served


def test_concurrent_requests_build_one_router() -> None:
    made: list[APIRouter] = []
    started = threading.Event()

    def make() -> APIRouter:
        started.wait(1)
        made.append(APIRouter())
        return made[-1]

    lazy_router = LazyRouter(make)

    async def get_routers() -> list[APIRouter]:
        tasks = [asyncio.create_task(asyncio.to_thread(lazy_router.router)) for _ in range(4)]
        started.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(get_routers()) == made * 4
    assert lazy_router.router() is made[0]


def test_building_the_router_is_retried_after_an_error() -> None:
    def make() -> APIRouter:
        if not attempts:
            attempts.append(True)
            raise OSError("the disk was away")
        return APIRouter()

    attempts: list[bool] = []
    lazy_router = LazyRouter(make)
    with pytest.raises(OSError, match="disk"):
        lazy_router.router()
    assert lazy_router.router() is lazy_router.router()


@pytest.mark.parametrize("first", ["/indices/ndvi", "/openapi.json", "/stac/collections", "/nowhere", "/cubes"])
def test_the_first_request_may_be_for_a_lazy_route(first: str, archive: Path) -> None:
    with served(Settings(catalog=str(archive))) as server:
        assert server.get(first).status_code == {"/nowhere": 404, "/cubes": 405}.get(first, 200)
        paths = server.get("/openapi.json").json()["paths"]
    assert {"/tiles/{z}/{x}/{y}", "/indices/{name}", "/stac/search"} <= paths.keys()


def test_warm_up() -> None:
    warm_up(SENTINEL_2)
