"""Signed reads: tokens are requested once, renewed, refused, and sent to their own store alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scog.errors import AssetMissing, AssetRefused, SourceError, SourceUnavailable
from scog.net import retry as retry_module
from scog.net import token_service as token_service_module
from scog.net.policy import UpstreamStats
from scog.net.ranges import HttpRanges
from scog.net.retry import retry_delay
from scog.net.signing import FAILURE_PAUSE, FORCED_RENEWAL_PAUSE, Signer
from scog.net.token_service import TokenService
from tests.doubles import azure
from tests.doubles.azure import BlobStore, make_token
from tests.doubles.range_server import Answer, Fault, RangeServer, cut_after, hang, html, late, reset, status
from tests.doubles.reading import run

DATA = bytes(range(256)) * 4000
S2 = ("sentinel2l2a01", "sentinel2-l2")
BY_CONTAINER = {"sentinel2l2a01/sentinel2-l2": "sentinel-2-l2a"}
TOKEN_PATH = "/api/sas/v1/token/sentinel-2-l2a"

pytestmark = pytest.mark.usefixtures("transport")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of scog's own retry delays; Retry-After is unchanged."""

    def short(attempt: int, retry_after: str | None) -> float:
        return retry_delay(attempt, retry_after) / (10 if retry_after is None else 1)

    monkeypatch.setattr(retry_module, "retry_delay", short)
    monkeypatch.setattr(token_service_module, "retry_delay", short)


class Shifted:
    """A clock that a test moves forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Azure:
    """A store, its token service, and the URL of a blob."""

    def __init__(self, store: BlobStore, service: azure.TokenService) -> None:
        self.store, self.service = store, service
        self.url = store.put_blob(*S2, "a/b.tif", DATA)
        self.clock = Shifted()

    @asynccontextmanager
    async def ranges(self, *allowed: str, key: str = "", timeout: float = 5.0) -> AsyncIterator[HttpRanges]:
        service = TokenService(self.service.root, key=key, retries=2, timeout=timeout, clock=self.clock)
        signer = Signer(
            service, hosts=(self.store.host,), collections=BY_CONTAINER, open_hosts=allowed, clock=self.clock
        )
        ranges = HttpRanges(allowed_hosts=allowed, stall=1, retries=2, per_host=64, signer=signer)
        try:
            yield ranges
        finally:
            await ranges.close()
            await signer.close()

    def read(self, *allowed: str, url: str = "", **options: Any) -> bytes:
        """Read a range in a new client."""

        async def work() -> bytes:
            async with self.ranges(*allowed, **options) as ranges:
                return await read(ranges, url or self.url)

        return run(work())


async def read(ranges: HttpRanges, url: str, start: int = 100, stop: int = 300) -> bytes:
    return bytes((await ranges.read(url, start, stop, UpstreamStats())).data)


@pytest.fixture
def cloud() -> Iterator[Azure]:
    with BlobStore() as store, azure.TokenService(store) as service:
        yield Azure(store, service)


def test_a_blob_is_read_with_the_token_of_its_collection(cloud: Azure) -> None:
    assert cloud.read() == DATA[100:300]
    assert cloud.service.names == ["sentinel-2-l2a"]
    assert cloud.store.targets == [f"/{'/'.join(S2)}/a/b.tif?{cloud.service.issued[0]}"]
    assert cloud.store.refused == []


def test_the_store_refuses_requests_without_a_token(cloud: Azure) -> None:
    async def work() -> None:
        ranges = HttpRanges(allowed_hosts=(cloud.store.host,), stall=1, retries=0, per_host=64)
        with pytest.raises(SourceError):
            await read(ranges, cloud.url)
        await ranges.close()

    run(work())
    assert set(cloud.store.refused) == {"no token"}


def test_a_container_without_a_known_collection_has_a_token_of_its_own(cloud: Azure) -> None:
    other = cloud.store.put_blob("modiseuwest", "modis-061-cogs", "x.tif", DATA)

    async def work() -> None:
        async with cloud.ranges() as ranges:
            for url in (other, cloud.url, other, cloud.url):
                assert await read(ranges, url) == DATA[100:300]

    run(work())
    assert cloud.service.names == ["modiseuwest/modis-061-cogs", "sentinel-2-l2a"]
    assert cloud.store.refused == []


def test_a_collection_that_the_service_does_not_know_falls_back_to_the_container(cloud: Azure) -> None:
    cloud.service.fail(TOKEN_PATH, always=status(404))
    assert cloud.read() == DATA[100:300]
    assert cloud.service.names == ["sentinel-2-l2a", "/".join(S2)]


def test_concurrent_reads_share_one_request_for_a_token(cloud: Azure) -> None:
    cloud.service.fail(TOKEN_PATH, late(0.1))

    async def work() -> None:
        async with cloud.ranges() as ranges:
            parts = await asyncio.gather(*(read(ranges, cloud.url, 100 * n, 100 * n + 100) for n in range(64)))
        assert b"".join(parts) == DATA[:6400]

    run(work())
    assert len(cloud.service.names) == 1
    assert len(cloud.store.requests) == 64


def test_a_cancelled_read_does_not_cancel_the_request_of_the_others(cloud: Azure) -> None:
    cloud.service.fail(TOKEN_PATH, late(0.2))

    async def work() -> None:
        async with cloud.ranges() as ranges:
            first, second = (asyncio.ensure_future(read(ranges, cloud.url)) for _ in range(2))
            await asyncio.sleep(0.05)
            first.cancel()
            assert await second == DATA[100:300]

    run(work())
    assert len(cloud.service.names) == 1


def test_the_subscription_key_is_sent_to_the_service_only(cloud: Azure) -> None:
    cloud.read()
    cloud.read(key="my-key")
    assert cloud.service.keys == [None, "my-key"]
    assert not [target for target in cloud.store.targets if "my-key" in target]


# Expiry


def test_a_token_is_renewed_shortly_before_it_expires_while_it_is_still_used(cloud: Azure) -> None:
    async def work() -> None:
        async with cloud.ranges() as ranges:
            for ahead, requests in ((0, 1), (2300, 1), (2450, 2), (2450, 2)):
                cloud.clock.ahead = ahead
                assert await read(ranges, cloud.url) == DATA[100:300]
                await asyncio.gather(*ranges._signer._renewals)
                assert len(cloud.service.names) == requests

    run(work())
    first, second = cloud.service.issued
    assert [target.partition("?")[2] for target in cloud.store.targets] == [first, first, first, second]


def test_an_expired_token_is_not_used(cloud: Azure) -> None:
    async def work() -> None:
        async with cloud.ranges() as ranges:
            await read(ranges, cloud.url)
            cloud.clock.ahead = 2700 - 29
            await read(ranges, cloud.url)

    run(work())
    assert [target.partition("?")[2] for target in cloud.store.targets] == cloud.service.issued
    assert len(cloud.service.issued) == 2


def test_a_token_that_really_expires_is_replaced_in_time(cloud: Azure) -> None:
    cloud.service.lifetime = 4.0

    async def work() -> None:
        async with cloud.ranges() as ranges:
            until = time.monotonic() + 5.5
            while time.monotonic() < until:
                assert await read(ranges, cloud.url) == DATA[100:300]
                await asyncio.sleep(0.1)

    run(work())
    assert cloud.store.refused == []
    assert 2 <= len(cloud.service.issued) <= 10


@pytest.mark.parametrize("offset", [-7200.0, 7200.0])
def test_the_lifetime_is_measured_by_the_clock_of_the_service(cloud: Azure, offset: float) -> None:
    cloud.service.clock_offset = offset

    async def work() -> None:
        async with cloud.ranges() as ranges:
            for ahead in (0, 2300, 2680):
                cloud.clock.ahead = ahead
                await read(ranges, cloud.url)

    run(work())
    assert len(cloud.service.names) == 2


def test_a_token_is_used_while_the_service_is_down_until_it_expires(cloud: Azure) -> None:
    async def work() -> None:
        async with cloud.ranges() as ranges:
            await read(ranges, cloud.url)
            cloud.service.refuse()
            for ahead in (2500, 2650, 2690):
                cloud.clock.ahead = ahead
                assert await read(ranges, cloud.url) == DATA[100:300]
                await asyncio.gather(*ranges._signer._renewals, return_exceptions=True)
            cloud.clock.ahead = 2701
            with pytest.raises(SourceUnavailable) as caught:
                await read(ranges, cloud.url)
            assert cloud.service.root in str(caught.value)
            cloud.service.accept()
            cloud.clock.ahead = 2701 + FAILURE_PAUSE + 1
            assert await read(ranges, cloud.url) == DATA[100:300]

    run(work())


# Faults of the service


TRANSIENT: list[Fault] = [status(429, Retry_After="0"), status(500), status(503), status(408), reset]


@pytest.mark.parametrize("fault", TRANSIENT)
def test_transient_faults_of_the_service_are_retried(cloud: Azure, fault: Fault) -> None:
    cloud.service.fail(TOKEN_PATH, fault, fault)
    assert cloud.read() == DATA[100:300]
    assert len(cloud.service.names) == 3


def _edited(**members: Any) -> Fault:
    def edit(answer: Answer) -> Answer:
        document = {**json.loads(answer.body), **members}
        kept = {name: value for name, value in document.items() if value is not None}
        return Answer(200, answer.headers, json.dumps(kept).encode())

    return edit


def _body(data: bytes) -> Fault:
    return lambda answer: Answer(200, answer.headers, data)


FATAL: list[tuple[str, Fault, str, int]] = [
    ("429", status(429), "answered 429", 3),
    ("429 for long", status(429, Retry_After="60"), "answered 429", 1),
    ("500", status(500), "answered 500", 3),
    ("400", status(400), "answered 400", 1),
    ("401", status(401), "SCOG_SAS_SUBSCRIPTION_KEY", 1),
    ("silence", hang, "did not answer in time", 3),
    ("reset", reset, "cannot be reached", 3),
    ("cut off", cut_after(20), "cannot be reached", 3),
    ("html", html, "something else than a token", 1),
    ("not an object", _body(b"[]"), "something else than a token", 1),
    ("too nested", _body(b"[" * 60_000), "something else than a token", 1),
    ("too long", _body(b" " * 100_000), "more than 65536 bytes", 1),
    ("no token", _edited(token=None), "something else than a token", 1),
    ("token of another type", _edited(token=["sig="]), "something else than a token", 1),
    ("no signature", _edited(token="sv=1&se=2"), "something else than a token", 1),
    ("two lines", _edited(token="sv=1&sig=2 HTTP/1.1\r\nX: y"), "something else than a token", 1),
    ("no expiry", _edited(**{"msft:expiry": None}), "msft:expiry", 1),
    ("bad expiry", _edited(**{"msft:expiry": "soon"}), "msft:expiry", 1),
    ("expired", _edited(**{"msft:expiry": "2020-01-01T00:00:00Z"}), "expired token", 1),
]


@pytest.mark.parametrize(("fault", "message", "requests"), [row[1:] for row in FATAL], ids=[row[0] for row in FATAL])
def test_a_failing_service_is_named(cloud: Azure, fault: Fault, message: str, requests: int) -> None:
    cloud.service.fail(TOKEN_PATH, always=fault)
    with pytest.raises(SourceUnavailable) as caught:
        cloud.read(timeout=0.3)
    assert message in str(caught.value)
    assert cloud.service.root in str(caught.value)
    assert caught.value.reason == "token-service"
    assert len(cloud.service.names) == requests
    assert cloud.store.targets == []
    assert cloud.store.connections == 0


def test_many_reads_share_the_error_of_the_service(cloud: Azure) -> None:
    cloud.service.fail(TOKEN_PATH, always=status(400))

    async def work() -> None:
        async with cloud.ranges() as ranges:
            for _ in range(5):
                results = await asyncio.gather(*(read(ranges, cloud.url) for _ in range(8)), return_exceptions=True)
                assert {type(result) for result in results} == {SourceUnavailable}

    run(work())
    assert len(cloud.service.names) == 1


def test_no_request_is_sent_during_a_retry_after(cloud: Azure) -> None:
    cloud.service.fail(TOKEN_PATH, status(429, Retry_After="40"))

    async def work() -> None:
        async with cloud.ranges() as ranges:
            for ahead, message in ((0, "answered 429"), (5, "accepts no requests for 35 s"), (39, "for 1 s")):
                cloud.clock.ahead = ahead
                with pytest.raises(SourceUnavailable, match=message):
                    await read(ranges, cloud.url)
            assert len(cloud.service.names) == 1
            cloud.clock.ahead = 44
            assert await read(ranges, cloud.url) == DATA[100:300]

    run(work())


# The store refuses


def test_a_403_renews_the_token_once(cloud: Azure) -> None:
    async def work() -> None:
        async with cloud.ranges() as ranges:
            await read(ranges, cloud.url)
            cloud.store.revoked = set(cloud.service.issued)
            parts = await asyncio.gather(*(read(ranges, cloud.url) for _ in range(20)))
            assert set(parts) == {DATA[100:300]}

    run(work())
    assert len(cloud.service.names) == 2
    assert len(cloud.store.refused) <= 20


def test_a_second_403_is_an_error_that_names_the_blob_without_token(cloud: Azure) -> None:
    cloud.store.refuse_all = True
    with pytest.raises(AssetMissing, match="The store refused access") as caught:
        cloud.read()
    assert cloud.url in str(caught.value)
    assert "sig" not in str(caught.value)
    assert caught.value.reason == "http-403"
    assert len(cloud.service.names) == 2
    assert [target.partition("?")[2] for target in cloud.store.targets] == cloud.service.issued


def test_files_that_are_forbidden_for_good_cost_one_renewal_a_minute(cloud: Azure) -> None:
    cloud.store.refuse_all = True

    async def work() -> None:
        async with cloud.ranges() as ranges:
            for _ in range(10):
                with pytest.raises(AssetMissing):
                    await read(ranges, cloud.url)
            assert len(cloud.service.names) == 2
            cloud.clock.ahead = FORCED_RENEWAL_PAUSE + 1
            with pytest.raises(AssetMissing):
                await read(ranges, cloud.url)

    run(work())
    assert len(cloud.service.names) == 3


def test_a_read_that_is_resumed_after_its_token_was_revoked_is_complete(cloud: Azure) -> None:
    async def work() -> None:
        async with cloud.ranges() as ranges:
            await read(ranges, cloud.url)
            cloud.store.fail(f"/{'/'.join(S2)}/a/b.tif", _revoking(cloud, cut_after(200_000)))
            assert await read(ranges, cloud.url, 0, 900_000) == DATA[:900_000]

    run(work())
    assert cloud.store.refused == ["refused"]


def _revoking(cloud: Azure, fault: Fault) -> Fault:
    def apply(answer: Answer) -> Answer:
        cloud.store.revoked = set(cloud.service.issued)
        return fault(answer)

    return apply


# Where tokens go


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_takes_no_token_to_another_host(cloud: Azure, code: int) -> None:
    with RangeServer() as other:
        target = other.put("/elsewhere.tif", DATA)
        cloud.store.fail(f"/{'/'.join(S2)}/a/b.tif", always=status(code, Location=target))
        with pytest.raises(AssetRefused, match="redirects"):
            cloud.read(other.host)
        assert other.requests == []


def test_a_redirect_of_the_token_service_is_not_followed(cloud: Azure) -> None:
    with azure.TokenService(cloud.store) as other:
        cloud.service.fail(TOKEN_PATH, always=status(307, Location=f"{other.root}/sentinel-2-l2a"))
        with pytest.raises(SourceUnavailable, match="answered 307"):
            cloud.read(key="secret")
        assert other.names == []


def test_other_hosts_get_no_token(cloud: Azure) -> None:
    with BlobStore() as other:
        other.open = True
        url = other.put_blob(*S2, "a/b.tif", DATA)
        assert cloud.read(other.host, url=url) == DATA[100:300]
        assert other.targets == [f"/{'/'.join(S2)}/a/b.tif"]
        with pytest.raises(AssetRefused, match="SCOG_HOSTS"):
            cloud.read(url=url)
    assert cloud.service.names == []


def test_a_token_is_used_for_its_own_container_only(cloud: Azure) -> None:
    urls = [cloud.store.put_blob(account, name, "a.tif", DATA) for account in ("aaa", "bbb") for name in ("xxx", "yyy")]

    async def work() -> None:
        async with cloud.ranges() as ranges:
            await asyncio.gather(*(read(ranges, url) for url in urls * 3))

    run(work())
    assert cloud.store.refused == []
    assert sorted(cloud.service.names) == ["aaa/xxx", "aaa/yyy", "bbb/xxx", "bbb/yyy"]


def test_a_container_that_the_service_does_not_know_is_refused_without_contacting_its_host(cloud: Azure) -> None:
    url = cloud.store.url("/unknown/container/a.tif")
    with pytest.raises(AssetRefused, match="knows no container unknown/container") as caught:
        cloud.read(url=url)
    assert caught.value.reason == "host-not-allowed"
    assert cloud.store.connections == 0


def test_a_public_container_on_an_allowed_host_is_read_without_a_token(cloud: Azure) -> None:
    cloud.store.open = True
    cloud.store.put("/public/container/a.tif", DATA)
    cloud.service.fail_any(always=status(404))
    url = cloud.store.url("/public/container/a.tif")
    assert cloud.read(cloud.store.host, url=url) == DATA[100:300]
    assert cloud.store.targets == ["/public/container/a.tif"]


@pytest.mark.parametrize(
    "path",
    ["/a.tif", "/sentinel2l2a01", "/sentinel2l2a01/sentinel2-l2/../other/x.tif", "/UP/er/x.tif", "/a%2fb/ccc/d.tif"],
)
def test_urls_without_a_container_are_not_signed(cloud: Azure, path: str) -> None:
    with pytest.raises(AssetRefused):
        cloud.read(url=cloud.store.url(path))
    assert cloud.service.names == []
    assert cloud.store.targets == []


def test_a_query_of_the_url_is_sent_too(cloud: Azure) -> None:
    cloud.read(url=f"{cloud.url}?versionid=3")
    assert cloud.store.targets[0].partition("?")[2].startswith("versionid=3&st=")


# Tokens of items' URLs


def _offering(cloud: Azure, *tokens: str, with_service: bool, reads: int = 1) -> list[bytes]:
    async def work() -> list[bytes]:
        async with cloud.ranges() as ranges:
            signer = ranges._signer if with_service else Signer(clock=cloud.clock)
            ranges._signer = signer
            ranges._allowed = (cloud.store.host,)
            for token in tokens:
                signer.offer(cloud.url, token)
            return [await read(ranges, cloud.url) for _ in range(reads)]

    return run(work())


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize("resource", ["b", "c"])
def test_the_token_of_an_items_url_is_used_while_it_is_valid(cloud: Azure, resource: str) -> None:
    token = make_token("/".join(S2), _in(600), 7, resource)
    for with_service in (False, True):
        cloud.store.targets.clear()
        assert _offering(cloud, token, with_service=with_service) == [DATA[100:300]]
        assert cloud.store.targets == [f"/{'/'.join(S2)}/a/b.tif?{token}"]
    assert cloud.service.names == []


def test_an_expired_token_of_an_items_url_is_replaced_by_the_services(cloud: Azure) -> None:
    assert _offering(cloud, make_token("/".join(S2), _in(-5)), with_service=True) == [DATA[100:300]]
    assert cloud.service.names == ["sentinel-2-l2a"]
    assert cloud.store.refused == []
    with pytest.raises(SourceError):
        _offering(cloud, make_token("/".join(S2), _in(-5)), with_service=False)
    assert cloud.store.targets[-1] == f"/{'/'.join(S2)}/a/b.tif"


def test_a_refused_token_of_an_items_url_is_replaced_by_the_services(cloud: Azure) -> None:
    token = make_token("another/container", _in(600))
    assert _offering(cloud, token, with_service=True, reads=3) == [DATA[100:300]] * 3
    assert cloud.store.refused == ["wrong signature"]
    assert cloud.service.names == ["sentinel-2-l2a"]
    with pytest.raises(AssetMissing, match="refused access"):
        _offering(cloud, token, with_service=False)


def test_a_wrong_token_of_another_item_does_not_replace_one_in_use(cloud: Azure) -> None:
    """However late it expires."""
    right, wrong = make_token("/".join(S2), _in(600)), make_token("another/container", _in(6000))
    assert _offering(cloud, right, wrong, with_service=False, reads=3) == [DATA[100:300]] * 3
    assert cloud.store.refused == []


@pytest.mark.parametrize("resource", ["b", "c"])
@pytest.mark.parametrize("with_service", [False, True])
def test_a_wrong_token_gives_way_to_a_right_one(cloud: Azure, resource: str, *, with_service: bool) -> None:
    wrong = [make_token("another/container", _in(6000), number, resource) for number in range(3)]
    right = make_token("/".join(S2), _in(600), 9, resource)
    assert _offering(cloud, wrong[0], right, with_service=with_service, reads=3) == [DATA[100:300]] * 3
    assert cloud.store.refused == ["wrong signature"]
    cloud.store.refused.clear()
    if with_service:  # which need not try all
        assert _offering(cloud, *wrong, with_service=True, reads=3) == [DATA[100:300]] * 3
        assert cloud.store.refused == ["wrong signature"]


def test_the_latest_token_of_many_items_serves_when_the_one_in_use_expires(cloud: Azure) -> None:
    first, *others = (make_token("/".join(S2), _in(seconds)) for seconds in range(600, 1200, 100))

    async def work() -> None:
        signer = Signer(clock=cloud.clock)
        for token in (first, *others):
            signer.offer(cloud.url, token)
        assert await signer.token(cloud.url) == first
        cloud.clock.ahead = 1050
        assert await signer.token(cloud.url) == others[-1]

    run(work())


def test_a_forbidden_blob_does_not_lose_the_token_of_its_container(cloud: Azure) -> None:
    token = make_token("/".join(S2), _in(600))
    other = cloud.store.put_blob(*S2, "a/c.tif", DATA)

    async def work() -> None:
        async with cloud.ranges() as ranges:
            ranges._signer, ranges._allowed = Signer(clock=cloud.clock), (cloud.store.host,)
            ranges._signer.offer(cloud.url, token)
            cloud.store.refuse_all = True
            with pytest.raises(AssetMissing, match="refused access"):
                await read(ranges, other)
            cloud.store.refuse_all = False
            assert await read(ranges, cloud.url) == DATA[100:300]

    run(work())


def test_concurrent_reads_replace_a_refused_token_of_an_item_together(cloud: Azure) -> None:
    cloud.service.fail(TOKEN_PATH, late(0.1))

    async def work() -> None:
        async with cloud.ranges() as ranges:
            ranges._signer.offer(cloud.url, make_token("another/container", _in(600)))
            parts = await asyncio.gather(*(read(ranges, cloud.url) for _ in range(20)))
            assert set(parts) == {DATA[100:300]}

    run(work())
    assert cloud.service.names == ["sentinel-2-l2a"]


def test_tokens_of_items_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scog.net.signing.MAX_OFFERED", 10)
    signer = Signer()
    for number in range(100):
        signer.offer(f"https://host{number}.example/c/a.tif", make_token("x/y", _in(600), number, "b"))
        signer.offer(f"https://one.example/c/{number}.tif", make_token("x/y", _in(600), number, "b"))
    assert len(signer._offered) <= 10
    assert len(signer._signed_hosts) <= 10


def test_no_token_is_sent_over_plain_http_to_another_machine() -> None:
    signer = Signer()
    url = "http://account.blob.core.windows.net/container/a.tif"
    signer.offer(url, make_token("account/container", _in(600)))

    class Never:
        url = "https://tokens.example"

        async def fetch(self, name: str) -> None:
            raise AssertionError(name)

        async def close(self) -> None: ...

    async def work() -> None:
        assert await signer.token(url) == ""
        with pytest.raises(AssetRefused, match="HTTPS only"):
            await Signer(Never(), hosts=("*.blob.core.windows.net",)).token(url)

    run(work())


def test_reads_of_other_hosts_never_ask_for_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Signer, url: str) -> str:
        raise AssertionError(url)

    monkeypatch.setattr(Signer, "token", fail)
    with RangeServer() as server:
        url = server.put("/a.tif", DATA)

        async def work() -> None:
            ranges = HttpRanges(allowed_hosts=(server.host,), stall=1, retries=0, per_host=64)
            assert await read(ranges, url) == DATA[100:300]
            await ranges.close()

        run(work())
    assert server.requests[0].path == "/a.tif"
