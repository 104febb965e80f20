"""Byte ranges: every fault of a server, and the number of requests that it costs."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scog.errors import AssetBroken, AssetMissing, AssetRefused, SourceError, SourceUnavailable
from scog.net import host as host_module
from scog.net import retry as retry_module
from scog.net.byte_range import ByteRange
from scog.net.concurrency import ConcurrencyLimit
from scog.net.host import SILENT_HOST_FACTOR
from scog.net.local import LocalRanges
from scog.net.policy import CircuitBreaker, UpstreamStats
from scog.net.ranges import MAX_WARM_CONNECTIONS, WARM_CONNECTIONS, HttpRanges, Ranges
from scog.net.retry import retry_delay
from tests.doubles import range_server as does
from tests.doubles.range_server import Fault, RangeServer
from tests.doubles.reading import Clock, run

DATA = bytes(range(256)) * 40
LONG = DATA * 10
PATH = "/some/file.tif"

pytestmark = pytest.mark.usefixtures("transport")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of scog's own retry delays; Retry-After is unchanged."""

    def short(attempt: int, retry_after: str | None) -> float:
        return retry_delay(attempt, retry_after) / (10 if retry_after is None else 1)

    monkeypatch.setattr(retry_module, "retry_delay", short)


@asynccontextmanager
async def http(
    *hosts: str, deadline: float = 3, retries: int = 2, per_host: int = 64, clock: Clock | None = None
) -> AsyncIterator[HttpRanges]:
    time_of = {} if clock is None else {"clock": clock}
    ranges = HttpRanges(
        allowed_hosts=hosts, stall=deadline / SILENT_HOST_FACTOR, retries=retries, per_host=per_host, **time_of
    )
    try:
        yield ranges
    finally:
        await ranges.close()


def read_once(
    server: RangeServer, start: int = 100, stop: int = 300, received: list[int] | None = None, **options: float
) -> tuple[ByteRange, UpstreamStats]:
    def on_data(part: ByteRange) -> None:
        assert part.start == start
        if received is not None:
            received.append(len(part.data))

    async def work() -> tuple[ByteRange, UpstreamStats]:
        tally = UpstreamStats()
        async with http(server.host, **options) as ranges:  # type: ignore[arg-type]
            return await ranges.read(server.url(PATH), start, stop, tally, on_data), tally

    return run(work())


def test_a_range_costs_one_request_and_its_bytes() -> None:
    with RangeServer() as server:
        server.put(PATH, DATA, '"one"')
        part, tally = read_once(server)
        assert part == ByteRange(100, DATA[100:300], len(DATA), f'"one"/{len(DATA)}')
        assert [(request.method, request.range) for request in server.requests] == [("GET", (100, 299))]
        assert (tally.requests, tally.bytes) == (1, 200) == (len(server.requests), server.bytes)


def test_a_range_ends_with_the_file() -> None:
    with RangeServer() as server:
        server.put(PATH, DATA)
        assert read_once(server, len(DATA) - 10, len(DATA) + 500)[0].data == DATA[-10:]
        beyond, tally = read_once(server, len(DATA) + 1, len(DATA) + 500)
        assert (beyond.data, beyond.size, tally.bytes) == (b"", len(DATA), 0)
        server.put(PATH, b"")
        assert read_once(server, 0, 100)[0].data == b""


def test_last_modified_is_used_if_there_is_no_etag() -> None:
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, does.header(ETag="", Last_Modified="Sun"), does.header(ETag=""))
        assert read_once(server)[0].etag == f"Sun/{len(DATA)}"
        assert read_once(server)[0].etag == f"/{len(DATA)}"


TRANSIENT: list[tuple[str, Fault, str]] = [
    ("500", does.status(500), "http-500"),
    ("503", does.status(503), "http-503"),
    ("504", does.status(504), "http-504"),
    ("429", does.status(429), "http-429"),
    ("503 with Retry-After", does.status(503, Retry_After="0"), "http-503"),
    ("reset", does.reset, "connection"),
    ("reset mid-body", does.reset_after(50), "connection"),
    ("cut before the body", does.cut_after(0), "connection"),
    ("cut mid-body", does.cut_after(50), "connection"),
]
PERMANENT: list[tuple[str, Fault, type[SourceError], str]] = [
    ("404", does.status(404), AssetMissing, "http-404"),
    ("403", does.status(403), AssetMissing, "http-403"),
    ("401", does.status(401), AssetMissing, "http-401"),
    ("410", does.status(410), AssetMissing, "http-410"),
    ("400", does.status(400), AssetBroken, "http-400"),
    ("416 without a size", does.status(416), AssetBroken, "http-416"),
    ("416 for bytes that exist", does.status(416, Content_Range=f"bytes */{len(DATA)}"), AssetBroken, "http-416"),
    ("redirect", does.redirect("http://127.0.0.1:1/secret"), AssetRefused, "redirect"),
    ("200 with the whole file", does.whole, AssetRefused, "no-ranges"),
    ("200 with a page", does.html, AssetRefused, "no-ranges"),
    ("206 without Content-Range", does.header(Content_Range=""), AssetBroken, "http-206"),
    ("unknown size", does.header(Content_Range="bytes 100-299/*"), AssetBroken, "http-206"),
    ("another start", does.header(Content_Range=f"bytes 101-299/{len(DATA)}"), AssetBroken, "wrong-range"),
    ("another end", does.header(Content_Range=f"bytes 100-298/{len(DATA)}"), AssetBroken, "wrong-range"),
    ("a smaller size", does.header(Content_Range="bytes 100-299/200"), AssetBroken, "wrong-range"),
    ("a size of 400 digits", does.header(Content_Range=f"bytes 100-299/{'9' * 400}"), AssetBroken, "http-206"),
    ("short with matching headers", does.short(20), AssetBroken, "wrong-range"),
    ("less than announced", does.body(lambda data: data[:-20]), AssetBroken, "wrong-range"),
    ("more than announced", does.body(lambda data: data + b"more"), AssetBroken, "wrong-range"),
]


@pytest.mark.parametrize(("fault", "reason"), [case[1:] for case in TRANSIENT], ids=[case[0] for case in TRANSIENT])
def test_transient_faults_are_retried(fault: Fault, reason: str) -> None:
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, fault)
        part, tally = read_once(server)
        assert part.data == DATA[100:300]
        assert (len(server.requests), tally.requests) == (2, 2)
        server.forget_requests()
        server.fail(PATH, fault, fault)
        assert read_once(server, deadline=2)[0].data == DATA[100:300]
        assert len(server.requests) == 3
        server.forget_requests()
        server.fail(PATH, always=fault)
        with pytest.raises(SourceUnavailable) as raised:
            read_once(server, deadline=2)
        assert raised.value.reason == reason
        assert len(server.requests) == 3
        server.fail(PATH)
        assert read_once(server)[0].data == DATA[100:300]


@pytest.mark.parametrize(
    ("fault", "error", "reason"), [case[1:] for case in PERMANENT], ids=[case[0] for case in PERMANENT]
)
def test_an_invalid_response_is_requested_once_more(fault: Fault, error: type[SourceError], reason: str) -> None:
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, always=fault)
        with pytest.raises(error) as raised:
            read_once(server)
        assert type(raised.value) is error
        assert raised.value.reason == reason
        definite = reason in ("http-403", "http-404", "http-410")
        assert len(server.requests) == (1 if definite else 2)
        server.fail(PATH, fault)
        if not definite:
            assert read_once(server)[0].data == DATA[100:300]


@pytest.mark.parametrize("fault", [does.hang, does.hang_after(0)], ids=["before headers", "before the body"])
def test_a_response_without_data_times_out(fault: Fault) -> None:
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, always=fault)
        since = time.monotonic()
        with pytest.raises(SourceUnavailable) as raised:
            read_once(server, deadline=0.3)
        assert 0.5 < time.monotonic() - since < 2.0
        assert raised.value.reason == "timeout"
        assert len(server.requests) == 3  # the second and third have half the timeout of the first


def test_a_stalled_response_is_retried_twice() -> None:
    with RangeServer() as server:
        server.put(PATH, LONG)
        server.fail(PATH, always=does.hang_after(20_000))
        since = time.monotonic()
        with pytest.raises(SourceUnavailable) as raised:
            read_once(server, 0, len(LONG), deadline=0.3)
        assert time.monotonic() - since < 1.5
        assert raised.value.reason == "timeout"
        assert server.ranges == [(start, len(LONG) - 1) for start in (0, 20_000, 40_000)]


def test_a_slow_drip_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "SLOW_AFTER", 0.3)
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, always=does.drip(1, 0.01))
        since = time.monotonic()
        with pytest.raises(SourceUnavailable) as raised:
            read_once(server, deadline=0.5)
        assert time.monotonic() - since < 1.5
        assert raised.value.reason == "slow"


@pytest.mark.parametrize("fault", [does.hang_after(20_000), does.reset_after(20_000), does.cut_after(20_000)])
def test_an_interrupted_response_is_resumed(fault: Fault) -> None:
    with RangeServer() as server:
        server.put(PATH, LONG)
        server.fail(PATH, fault)
        received: list[int] = []
        part, tally = read_once(server, 0, len(LONG), deadline=0.3, received=received)
        assert part.data == LONG
        assert server.ranges == [(0, len(LONG) - 1), (20_000, len(LONG) - 1)]
        assert tally.bytes == server.bytes == len(LONG)
        assert received == sorted(received)


@pytest.mark.parametrize("etag", ['W/"weak"', ""])
def test_without_a_strong_etag_a_read_restarts(etag: str) -> None:
    with RangeServer() as server:
        server.put(PATH, LONG, etag)
        server.fail(PATH, does.reset_after(20_000))
        assert read_once(server, 0, len(LONG))[0].data == LONG
        assert server.ranges == [(0, len(LONG) - 1)] * 2


def test_two_versions_of_a_file_are_never_joined() -> None:
    newer = bytes(255 - byte for byte in LONG)
    with RangeServer() as server:
        server.put(PATH, LONG)

        def replaced(answer: does.Answer) -> does.Answer:
            server.put(PATH, newer)
            return does.reset_after(20_000)(answer)

        server.fail(PATH, replaced)
        part, _ = read_once(server, 0, len(LONG))
        assert part.data == newer
        assert server.ranges == [(0, len(LONG) - 1), (20_000, len(LONG) - 1), (0, len(LONG) - 1)]


def test_a_request_without_response_is_hedged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "HEDGE_AFTER", 0.1)
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, does.hang)
        since = time.monotonic()
        part, tally = read_once(server, deadline=5)
        assert part.data == DATA[100:300]
        assert time.monotonic() - since < 1.0
        assert len(server.requests) == tally.requests == 2


def test_the_first_response_of_a_hedge_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "HEDGE_AFTER", 0.1)
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, does.late(0.4), does.hang)  # the hedge hangs
        assert read_once(server, deadline=5)[0].data == DATA[100:300]
        server.fail(PATH, does.late(0.4), does.status(503))
        assert read_once(server, deadline=5)[0].data == DATA[100:300]
        server.fail(PATH, does.late(0.4), does.late(0.6))
        assert read_once(server, deadline=5)[0].data == DATA[100:300]


def test_invalid_chunked_encoding_fails_at_once() -> None:
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, always=does.garbage)
        since = time.monotonic()
        with pytest.raises(AssetBroken) as broken:
            read_once(server, deadline=5)
        assert time.monotonic() - since < 1.0
        assert broken.value.reason == "http"


def test_a_server_that_does_not_listen_is_unavailable() -> None:
    async def work() -> None:
        with socket.socket() as taken:  # bound but not listening
            taken.bind(("127.0.0.1", 0))
            host = f"127.0.0.1:{taken.getsockname()[1]}"
            async with http(host) as ranges:
                with pytest.raises(SourceUnavailable) as raised:
                    await ranges.read(f"http://{host}/a.tif", 0, 10, UpstreamStats())
                assert raised.value.reason == "connection"

    run(work())


def test_retry_after_is_honoured() -> None:
    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, does.status(503, Retry_After="1"))
        since = time.monotonic()
        assert read_once(server, deadline=3)[0].data == DATA[100:300]
        assert time.monotonic() - since >= 1.0
        assert len(server.requests) == 2


def test_a_long_retry_after_fails_at_once() -> None:
    with RangeServer() as server:
        server.put(PATH, DATA)
        for retry_after in ("60", "Fri, 31 Dec 2125 23:59:59 GMT", "9" * 400):
            server.fail(PATH, does.status(503, Retry_After=retry_after))
            since = time.monotonic()
            with pytest.raises(SourceUnavailable) as raised:
                read_once(server, deadline=3)
            assert raised.value.reason == "http-503"
            assert time.monotonic() - since < 1.0


def test_a_host_outside_the_allow_list_gets_no_request() -> None:
    async def work() -> None:
        async with http("example.org") as ranges:
            with pytest.raises(AssetRefused) as refused:
                await ranges.read(server.url(PATH), 0, 10, UpstreamStats())
            assert refused.value.reason == "host-not-allowed"

    with RangeServer() as server:
        server.put(PATH, DATA)
        run(work())
        assert server.requests == []


def test_a_redirect_is_not_followed_even_to_an_allowed_host() -> None:
    with RangeServer() as server:
        server.put("/other", DATA)
        server.put(PATH, DATA)
        server.fail(PATH, always=does.redirect(server.url("/other")))
        with pytest.raises(AssetRefused):
            read_once(server)
        assert [request.path for request in server.requests] == [PATH, PATH]


def test_the_breaker_opens_for_a_failing_host_and_closes_again() -> None:
    async def work() -> None:
        clock = Clock()
        async with http(server.host, retries=0, clock=clock) as ranges:

            async def fails(reason: str) -> None:
                with pytest.raises(SourceUnavailable) as raised:
                    await ranges.read(url, 0, 10, UpstreamStats())
                assert raised.value.reason == reason

            for _ in range(5):
                await fails("http-500")
            assert len(server.requests) == 5
            for _ in range(3):
                await fails("host-resting")
            assert len(server.requests) == 5
            clock.now += 2.1
            server.fail(PATH)
            assert (await ranges.read(url, 0, 10, UpstreamStats())).data == DATA[:10]

    with RangeServer() as server:
        url = server.put(PATH, DATA)
        server.fail(PATH, always=does.status(500))
        run(work())


def test_a_bad_file_among_good_ones_does_not_open_the_breaker() -> None:
    async def work() -> None:
        async with http(server.host, retries=0) as ranges:
            for _ in range(12):
                with pytest.raises(SourceUnavailable):
                    await ranges.read(bad, 0, 10, UpstreamStats())
                await ranges.read(good, 0, 10, UpstreamStats())
            for _ in range(12):  # any response but a transient fault counts as success
                for _ in range(4):
                    with pytest.raises(SourceUnavailable):
                        await ranges.read(bad, 0, 10, UpstreamStats())
                with pytest.raises(AssetMissing):
                    await ranges.read(server.url("/missing"), 0, 10, UpstreamStats())

    with RangeServer() as server:
        good, bad = server.put("/good", DATA), server.put("/bad", DATA)
        server.fail("/bad", always=does.status(500))
        run(work())


def test_each_host_has_a_separate_breaker() -> None:
    async def work() -> None:
        async with http(ill.host, well.host, retries=0) as ranges:
            for _ in range(8):
                with pytest.raises(SourceUnavailable):
                    await ranges.read(ill.url(PATH), 0, 10, UpstreamStats())
            await ranges.read(well.url(PATH), 0, 10, UpstreamStats())

    with RangeServer() as ill, RangeServer() as well:
        well.put(PATH, DATA)
        ill.fail(PATH, always=does.status(500))
        run(work())


def test_queueing_does_not_count_as_a_fault_of_the_host() -> None:
    """48 reads take longer than one read's deadline; none times out and the breaker stays closed."""

    async def work() -> None:
        async with http(server.host, per_host=4, deadline=3) as ranges:
            parts = await asyncio.gather(
                *(ranges.read(server.url(PATH), i * 10, i * 10 + 10, UpstreamStats()) for i in range(48))
            )
            assert [part.data for part in parts] == [DATA[i * 10 : i * 10 + 10] for i in range(48)]

    with RangeServer(latency=0.1) as server:
        server.put(PATH, DATA)
        run(work())
        assert server.max_concurrent == 4
        assert len(server.requests) == 48


def test_timeouts_and_queueing_never_open_the_breaker() -> None:
    async def work() -> None:
        async with http(server.host, per_host=5, deadline=0.3) as ranges:
            results = await asyncio.gather(
                *(ranges.read(server.url(PATH), 0, 10, UpstreamStats()) for _ in range(15)), return_exceptions=True
            )
            assert [fault.reason for fault in results if isinstance(fault, SourceUnavailable)] == ["timeout"] * 15
            server.fail(PATH)
            assert (await ranges.read(server.url(PATH), 0, 10, UpstreamStats())).data == DATA[:10]

    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, always=does.hang)
        run(work())


def test_a_cancelled_read_frees_its_slot() -> None:
    async def work() -> None:
        async with http(server.host, per_host=1, deadline=5) as ranges:
            read = asyncio.ensure_future(ranges.read(server.url(PATH), 0, 10, UpstreamStats()))
            await asyncio.sleep(0.1)
            read.cancel()
            assert (await ranges.read(server.url(PATH), 0, 10, UpstreamStats())).data == DATA[:10]

    with RangeServer() as server:
        server.put(PATH, DATA)
        server.fail(PATH, does.hang)
        run(work())


# Local files


def read_local(root: Path, url: str, start: int = 0, stop: int = 10, others: Sequence[Path] = ()) -> ByteRange:
    async def work() -> ByteRange:
        with ThreadPoolExecutor(1) as disk:
            return await LocalRanges([root, *others], disk).read(url, start, stop, UpstreamStats())

    return run(work(), within=5)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive folder beside a secret file."""
    root = tmp_path / "archive"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "a b#c%20.tif").write_bytes(DATA)
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "archive-too").write_bytes(b"secret")
    return root


def test_a_local_file_has_the_same_interface_as_a_server(archive: Path) -> None:
    url = (archive / "deep" / "a b#c%20.tif").as_uri()
    part = read_local(archive, url, 100, 300)
    assert (part.start, part.data, part.size) == (100, DATA[100:300], len(DATA))
    assert read_local(archive, url, len(DATA) - 5, len(DATA) + 5).data == DATA[-5:]
    assert read_local(archive, url, len(DATA) + 5, len(DATA) + 9).data == b""
    assert read_local(archive, url, 0, 5).etag == part.etag


def test_a_local_file_that_was_replaced_has_another_etag(archive: Path) -> None:
    path = archive / "deep" / "a b#c%20.tif"
    before = read_local(archive, path.as_uri()).etag
    (archive / "new").write_bytes(DATA)
    os.replace(archive / "new", path)
    assert read_local(archive, path.as_uri()).etag != before


def test_files_outside_the_archive_are_not_read(archive: Path) -> None:
    (archive / "link").symlink_to(archive.parent / "secret")
    (archive / "folder").symlink_to(archive.parent)
    (archive / "inside.tif").symlink_to(archive / "deep" / "a b#c%20.tif")
    root = archive.as_uri()
    for url in [
        f"{root}/link",
        f"{root}/folder/secret",
        f"{root}/../secret",
        f"{root}/deep/../../secret",
        f"{root}/%2e%2e/secret",
        f"{root}/..%2fsecret",
        f"{root}-too",
        root,
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "file:etc/passwd",
        "file:",
    ]:
        with pytest.raises(AssetRefused) as refused:
            read_local(archive, url)
        assert refused.value.reason == "outside-archive"
        assert str(archive.parent) not in str(refused.value)
    assert read_local(archive, f"{root}/inside.tif").data == DATA[:10]


def test_links_do_not_lead_from_one_archive_to_another(archive: Path) -> None:
    inner, other = archive / "inner", archive.parent / "other"
    for folder in (inner, other):
        folder.mkdir()
        (folder / "own.tif").write_bytes(DATA)
        (folder / "link.tif").symlink_to(archive / "deep" / "a b#c%20.tif")
    (other / "turn").symlink_to(inner)
    (archive / "to-other.tif").symlink_to(other / "own.tif")
    others = [inner, other]
    for path in (archive / "deep" / "a b#c%20.tif", inner / "own.tif", other / "own.tif"):
        assert read_local(archive, path.as_uri(), others=others).data == DATA[:10]
    assert read_local(archive, f"{other.as_uri()}/../archive/inner/own.tif", others=others).data == DATA[:10]
    for url in (
        (inner / "link.tif").as_uri(),
        (other / "link.tif").as_uri(),
        (archive / "to-other.tif").as_uri(),
        f"{other.as_uri()}/turn/own.tif",
        f"{other.as_uri()}/turn/../deep/a%20b%23c%2520.tif",
        (archive.parent / "secret").as_uri(),
    ):
        with pytest.raises(AssetRefused) as refused:
            read_local(archive, url, others=others)
        assert refused.value.reason == "outside-archive"


def test_paths_that_are_not_files_are_refused(archive: Path) -> None:
    os.mkfifo(archive / "pipe.tif")
    (archive / "loop").symlink_to(archive / "loop")
    (archive / "dangling").symlink_to(archive / "nowhere")
    root = archive.as_uri()
    for name, error, reason in [
        ("missing.tif", AssetMissing, "no-file"),
        ("deep", AssetMissing, "no-file"),
        ("dangling", AssetMissing, "no-file"),
        ("nul%00byte.tif", AssetMissing, "no-file"),
        ("\ud800.tif", AssetMissing, "no-file"),
        ("pipe.tif", AssetRefused, "not-a-file"),
        ("loop", AssetBroken, "unreadable"),
        ("x" * 5000, AssetBroken, "unreadable"),
    ]:
        with pytest.raises(SourceError) as raised:
            read_local(archive, f"{root}/{name}")
        assert (type(raised.value), raised.value.reason) == (error, reason), name


def test_without_a_local_archive_no_file_is_read(archive: Path) -> None:
    async def work() -> None:
        async with Ranges(HttpRanges(allowed_hosts=(), stall=1, retries=0, per_host=1), None) as ranges:
            with pytest.raises(AssetRefused) as refused:
                await ranges.read((archive / "deep" / "a b#c%20.tif").as_uri(), 0, 10, UpstreamStats())
            assert refused.value.reason == "outside-archive"
            with pytest.raises(AssetRefused) as refused:
                await ranges.read("FILE:///etc/passwd", 0, 10, UpstreamStats())
            assert refused.value.reason == "host-not-allowed"

    run(work())


def test_connections_are_opened_ahead_of_reads() -> None:
    async def work() -> None:
        ranges = HttpRanges(allowed_hosts=(server.host,), stall=4, retries=0, per_host=64, expected=[server.url(PATH)])
        ranges.open_ahead()
        while server.connections < WARM_CONNECTIONS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await ranges.read(server.url(PATH), 0, 10, UpstreamStats())
        ranges.open_ahead()
        await asyncio.sleep(0.05)
        assert server.connections == WARM_CONNECTIONS
        await ranges.close()

    with RangeServer() as server:
        server.put(PATH, DATA)
        run(work())


def test_the_first_read_opens_connections_for_later_reads() -> None:
    async def work() -> None:
        async with http(server.host) as ranges:
            await ranges.read(server.url(PATH), 0, 10, UpstreamStats())
            while server.connections < WARM_CONNECTIONS:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            for start in range(3):  # one after the other: all are idle meanwhile
                await ranges.read(server.url(PATH), start, 10, UpstreamStats())
            await asyncio.sleep(0.05)
            assert server.connections == WARM_CONNECTIONS

    with RangeServer() as server:
        server.put(PATH, DATA)
        run(work())


def test_connections_are_opened_ahead_of_queued_reads() -> None:
    async def work() -> None:
        async with http(server.host) as ranges:
            url = server.url("/slow.tif")
            ranges.concurrency(url).max_outstanding = 1.0  # two reads at a time
            reads = [asyncio.ensure_future(ranges.read(url, 0, 1000, UpstreamStats())) for _ in range(30)]
            while server.connections < MAX_WARM_CONNECTIONS:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert not any(read.done() for read in reads)
            await asyncio.gather(*reads)
            assert server.connections <= WARM_CONNECTIONS + MAX_WARM_CONNECTIONS

    with RangeServer(latency=0.2) as server:
        server.put("/slow.tif", DATA)
        run(work())


def test_large_reads_are_split_while_connections_are_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 8000

    async def work() -> None:
        async with http(server.host) as ranges:
            monkeypatch.setattr(ConcurrencyLimit, "round_trip_bytes", 2_000_000.0)
            monkeypatch.setattr(ConcurrencyLimit, "connection_rate", 50e6)
            monkeypatch.setattr(ranges.concurrency(server.url(PATH)), "max_outstanding", 1e9)
            server.forget_requests()
            received: list[int] = []
            tally = UpstreamStats()
            part = await ranges.read(
                server.url(PATH), 0, len(data), tally, lambda part: received.append(len(part.data)), split=True
            )
            assert part.data == data
            assert len(server.requests) == 4
            assert tally.bytes == len(data)
            assert max(received) <= len(data) // 4
            assert ranges.concurrency(server.url(PATH)).outstanding == 0
            server.forget_requests()
            assert (
                await ranges.read(server.url(PATH), len(data) - 10, len(data) + 5_000_000, UpstreamStats())
            ).data == data[-10:]
            crowd = [ranges.read(server.url(PATH), 0, len(data), UpstreamStats(), split=True) for _ in range(8)]
            server.forget_requests()
            assert all(part.data == data for part in await asyncio.gather(*crowd))
            assert len(server.requests) < 8 * 4

    with RangeServer() as server:
        server.put(PATH, data)
        run(work())


def test_without_a_strong_etag_the_number_of_retries_is_bounded() -> None:
    with RangeServer() as server:
        server.put(PATH, LONG, "")
        server.fail(PATH, always=does.reset_after(50_000))
        with pytest.raises(SourceUnavailable):
            read_once(server, 0, len(LONG))
        assert len(server.requests) == 3


async def open_breaker(ranges: HttpRanges, server: RangeServer) -> None:
    """Open the breaker and wait until it may be probed."""
    server.fail(PATH, always=does.status(500))
    for _ in range(5):
        with pytest.raises(SourceUnavailable):
            await ranges.read(server.url(PATH), 0, 10, UpstreamStats())
    await asyncio.sleep(0.3)


def test_a_cancelled_probe_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "CircuitBreaker", lambda clock: CircuitBreaker(rest=0.2, clock=clock))

    async def work() -> None:
        async with http(server.host, retries=0) as ranges:
            await open_breaker(ranges, server)
            server.fail(PATH, does.hang)
            probe = asyncio.ensure_future(ranges.read(server.url(PATH), 0, 10, UpstreamStats()))
            await asyncio.sleep(0.1)
            probe.cancel()
            assert (await ranges.read(server.url(PATH), 0, 10, UpstreamStats())).data == DATA[:10]

    with RangeServer() as server:
        server.put(PATH, DATA)
        run(work())


def test_a_probe_succeeds_once_its_head_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "CircuitBreaker", lambda clock: CircuitBreaker(rest=0.2, clock=clock))

    async def work() -> None:
        async with http(server.host, retries=0) as ranges:
            await open_breaker(ranges, server)
            server.fail(PATH, does.drip(4000, 0.05))
            probe = asyncio.ensure_future(ranges.read(server.url(PATH), 0, len(LONG), UpstreamStats()))
            await asyncio.sleep(0.2)
            assert (await ranges.read(server.url(PATH), 0, 10, UpstreamStats())).data == DATA[:10]
            assert not probe.done()
            await probe

    with RangeServer() as server:
        server.put(PATH, LONG)
        run(work())


def test_a_read_that_waits_for_its_retry_has_no_outstanding_bytes() -> None:
    async def work() -> None:
        async with http(server.host) as ranges:
            concurrency = ranges.concurrency(server.url(PATH))
            concurrency.max_outstanding = 1.0
            waiting = [
                asyncio.ensure_future(ranges.read(server.url("/b.tif"), 0, 1000, UpstreamStats())) for _ in range(2)
            ]
            await asyncio.sleep(0.2)
            assert concurrency.outstanding == 0
            assert [part.data for part in await asyncio.gather(*waiting)] == [DATA[:1000]] * 2
            assert concurrency.outstanding == 0

    with RangeServer() as server:
        server.put(PATH, DATA)
        server.put("/b.tif", DATA)
        server.fail("/b.tif", *[does.status(429, Retry_After="1")] * 2)
        run(work())
