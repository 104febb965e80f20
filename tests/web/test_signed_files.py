"""A server whose files need SAS tokens: values are those of public files, and no token appears anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import sqlite3
import traceback
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import httpx
import numpy as np
import pytest

from scog.cli.doctor import examine
from scog.collections.storage import CONTAINERS, TOKEN_SERVICES
from scog.errors import ScogError
from scog.imaging.engine import _open_signer, open_engine
from scog.net.policy import UpstreamStats
from scog.net.range_read import HEADERS
from scog.settings import Settings
from tests.doubles.acquisitions import MgrsTile, acquisitions, mgrs_tiles_around, put_cogs
from tests.doubles.azure import BlobStore, TokenService, make_token
from tests.doubles.earth_search import EarthSearch
from tests.doubles.range_server import RangeServer, reset, status
from tests.web.conftest import Served, served, tile_at

pytestmark = pytest.mark.usefixtures("transport")

TILES = mgrs_tiles_around(11.3, 46.5, 1, 1)
PLACE = tuple(round(float(each), 2) for each in np.mean(TILES[0].ring[:-1], axis=0))
"""Longitude and latitude of a point of the tile."""
CONTAINER = "sentinel2l2a01/sentinel2-l2"
SUBSCRIPTION_KEY = "the-subscription-key"
QUERY = {"datetime": "2024-01-01/2024-12-31", "cloud_cover": "100"}
YEAR = "2024-01-01/2024-12-31"


class Cloud:
    """A catalogue, a blob store and its token service."""

    def __init__(self, catalog: EarthSearch, store: BlobStore, service: TokenService, cache: Path) -> None:
        self.catalog, self.store, self.service, self.cache = catalog, store, service, cache
        for tile in TILES:
            put_cogs(store, f"/{CONTAINER}/{tile.name}", tile)
        self.secrets = {SUBSCRIPTION_KEY}
        catalog.items = self.items()

    def items(self, passes: int = 3, *, token: str = "") -> list[Any]:
        """Items with unsigned URLs, or with signed ones."""
        items = acquisitions(TILES, date(2024, 6, 1), passes, self.store.url(f"/{CONTAINER}"), folder=_folder)
        return json.loads(json.dumps(items).replace(".tif", f".tif?{token}")) if token else items

    def token(self, seconds: float = 600, resource: str = "c") -> str:
        """A token for items' URLs. It is a secret."""
        token = make_token(CONTAINER, datetime.now(UTC) + timedelta(seconds=seconds), len(self.secrets) + 900, resource)
        self.secrets.add(parse_qs(token)["sig"][0])
        return token

    def settings(self, **options: Any) -> Settings:
        defaults = {
            "catalog": self.catalog.root, "cache_dir": self.cache, "sas_token_url": self.service.root, "retries": 0,
            "sas_hosts": (self.store.host,), "sas_subscription_key": SUBSCRIPTION_KEY, "newest_days": 3660,
        }  # fmt: skip
        return Settings(**{**defaults, **options})

    def all_secrets(self) -> set[str]:
        """Signatures and keys, as text and percent-encoded."""
        issued = {parse_qs(token)["sig"][0] for token in self.service.issued}
        return {form for secret in self.secrets | issued for form in (secret, quote(secret, safe=""), quote(secret))}


def _folder(_: int, tile: MgrsTile) -> str:
    return tile.name


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with EarthSearch() as catalog, BlobStore() as store, TokenService(store) as service:
        yield Cloud(catalog, store, service, tmp_path / "cache")


def tile() -> str:
    return f"/tiles/{tile_at(*PLACE)}"


def test_a_tile_of_signed_files_equals_that_of_public_files(cloud: Cloud, tmp_path: Path) -> None:
    query = {**QUERY, "index": "ndvi"}
    with served(cloud.settings()) as server:
        signed = server.get(f"{tile()}.npy", params=query)
    assert signed.status_code == 200, signed.text
    assert cloud.service.names == ["sentinel-2-l2a"]
    assert cloud.store.refused == []
    cloud.store.open = True
    public = {"sas_token_url": None, "hosts": (cloud.store.host,), "cache_dir": tmp_path / "other"}
    with served(cloud.settings(**public)) as server:
        assert server.get(f"{tile()}.npy", params=query).content == signed.content
    assert np.load(io.BytesIO(signed.content)).max() > 0.5


def test_signed_urls_of_items_share_caches_with_unsigned_ones(cloud: Cloud) -> None:
    cloud.catalog.items = cloud.items(token=cloud.token())
    with served(cloud.settings()) as server:
        assert server.get(tile(), params=QUERY).headers["X-Scog-Used"]
        assert cloud.service.names == []
    cloud.catalog.items = cloud.items()
    cloud.store.targets.clear()
    with served(cloud.settings()) as server:
        assert server.get(tile(), params=QUERY).headers["X-Scog-Used"]
    headers = [request for request in cloud.store.targets if "SCL" in request]
    assert len(headers) <= 2  # the header was cached on disk under the unsigned URL


def test_signed_urls_are_read_without_a_token_service(cloud: Cloud) -> None:
    cloud.catalog.items = cloud.items(token=cloud.token(resource="b"))
    with served(cloud.settings(sas_token_url=None, hosts=(cloud.store.host,))) as server:
        assert server.get(tile(), params=QUERY).headers["X-Scog-Used"]
    assert cloud.store.refused == []


def test_a_failing_token_service_is_named_and_does_not_fail_other_files(cloud: Cloud) -> None:
    cloud.service.fail_any(always=status(500))
    with served(cloud.settings()) as server:
        response = server.get(tile(), params=QUERY)
        assert response.status_code == 502
        assert f"The token service {cloud.service.root} answered 500." in response.text
        assert "token-service" in response.text
    findings = asyncio.run(diagnosis(cloud.settings()))
    assert "answered 500. (token-service)" in findings
    assert "SCOG_SAS_TOKEN_URL" in findings
    assert cloud.store.targets == []


def test_the_planetary_computer_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its token service and hosts follow from the catalogue's URL; Earth Search's files are not signed."""

    async def signer_of(catalog: str) -> tuple[tuple[str, ...], str | None]:
        signer = await _open_signer(Settings(catalog=catalog), [catalog])
        url = signer._service.url if signer._service is not None else None
        await signer.close()
        return signer.hosts, url

    root = "https://planetarycomputer.microsoft.com/api"
    for catalog in (f"{root}/stac/v1", f"{root}/stac/v1/"):
        assert asyncio.run(signer_of(catalog)) == (("*.blob.core.windows.net",), f"{root}/sas/v1/token")
    assert asyncio.run(signer_of("https://earth-search.aws.element84.com/v1")) == ((), None)
    assert set(TOKEN_SERVICES) == {f"{root}/stac/v1"}
    assert CONTAINERS[CONTAINER] == "sentinel-2-l2a"


# Nothing reveals a token


def stored_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """All files below a folder as text, and the values of SQLite databases, decompressed."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        yield str(path), path.read_bytes().decode("latin-1")
        if path.suffix == ".sqlite":
            with sqlite3.connect(path) as database:
                tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
                for table in tables:
                    for row in database.execute(f"SELECT * FROM {table}"):
                        for value in row:
                            yield f"{path.name} {table}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        with contextlib.suppress(zlib.error):
            value = zlib.decompress(value)
        return value.decode("latin-1")
    return str(value)


def responses(server: Served, archive: bool) -> Iterator[httpx.Response]:
    """Responses of every kind."""
    lon, lat = PLACE
    corners = [round(each, 2) for each in (lon - 0.02, lat - 0.02, lon + 0.02, lat + 0.02)]
    box = ",".join(map(str, corners))
    query = {**QUERY, "index": "ndvi"}
    for path in (tile(), f"{tile()}.npy", f"/point/{lon},{lat}", f"/bbox/{box}.tif", f"/timeseries/{lon},{lat}",
                 f"{tile()}/scenes"):  # fmt: skip
        yield server.get(path, params={name: value for name, value in query.items() if "scenes" not in path or
                                       name != "index"})  # fmt: skip
    yield server.get(f"/animation/{box}.gif", params=query)
    yield server.get("/scenes", params={"bbox": box, **QUERY})
    polygon = {"type": "Polygon", "coordinates": [[[lon, lat], [lon + 0.01, lat], [lon, lat + 0.01], [lon, lat]]]}
    feature = {"type": "Feature", "properties": {}, "geometry": polygon}
    yield server.client.post("/statistics", params=query, json=feature)
    for scenes in ("live", "pinned"):
        cube = server.client.post(
            "/cubes", json={"index": "ndvi", "datetime": YEAR, "cloud_cover": 100, "bbox": corners, "scenes": scenes}
        )
        yield cube
        for link in cube.json().get("links", []):
            z, x, y = tile_at(*PLACE).split("/")
            yield server.get(link["href"].format(z=z, x=x, y=y, lon=lon, lat=lat))
    if archive:
        yield server.get("/stac")
        yield server.get("/stac/collections")
        yield server.get("/stac/search", params={"limit": 100})
        yield server.client.post("/stac/search", json={"limit": 100})
        yield server.get("/stac/collections/sentinel-2-l2a")
        yield server.get("/stac/collections/sentinel-2-l2a/items")
    yield server.get("/healthz")
    yield server.get("/openapi.json")


async def diagnosis(settings: Settings) -> str:
    return json.dumps([asdict(finding) async for finding in examine(settings)], default=str)


async def errors(cloud: Cloud, settings: Settings) -> Iterable[BaseException]:
    """Errors of reads that the store refuses, redirects or interrupts."""
    found = []
    async with open_engine(settings) as engine:
        url = cloud.store.url(f"/{CONTAINER}/{TILES[0].name}/B04.tif")
        path = f"/{CONTAINER}/{TILES[0].name}/B04.tif"
        redirect = status(302, Location="https://other.example/a.tif")
        for fault in (status(403), status(404), status(500), redirect, reset, None):
            cloud.store.fail(path, always=fault)
            cloud.store.refuse_all = fault is None
            with pytest.raises(ScogError) as caught:
                await engine.ranges.read(url, 0, 100, UpstreamStats())
            found.append(caught.value)
        cloud.store.fail(path)
    cloud.store.refuse_all = False
    return found


def caches(server: Served) -> str:
    """Keys and reprs of what a server has in memory, except the signer's tokens."""
    engine = server.app.state.engine
    blocks = engine.blocks
    parts = [repr(engine), repr(engine.settings), repr(engine.ranges), repr(engine.ranges.hosts), repr(HEADERS)]
    for cache in (blocks._blocks._blocks, blocks._blocks._prefixes):
        parts += [repr(key) for key in cache._entries]
    parts += [repr(blocks._errors.__dict__), repr(engine.image_cache.__dict__)]
    for search in engine.catalogs.first._cached.values():
        parts += [repr(search.__dict__), *(repr(vars(scene)) for scene in search.scenes.scenes), *search.problems]
    return "\n".join(parts)


@pytest.mark.parametrize("kind", ["catalogue", "catalogue with signed URLs", "archive with signed URLs"])
def test_no_token_appears_anywhere_but_in_requests_to_the_store(
    cloud: Cloud, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = cloud.settings()
    archive = kind.startswith("archive")
    if "signed" in kind:
        cloud.catalog.items = cloud.items(token=cloud.token())
    if archive:
        folder = tmp_path / "archive"
        folder.mkdir()
        for item in cloud.catalog.items:
            (folder / f"{item['id']}.json").write_text(json.dumps(item))
        collection = {"type": "Collection", "id": "sentinel-2-l2a", "description": "Mine",
                      "assets": {"index": {"href": f"{cloud.store.url('/a/index.tif')}?{cloud.token()}"}}}  # fmt: skip
        (folder / "sentinel-2-l2a").mkdir()
        (folder / "sentinel-2-l2a" / "collection.json").write_text(json.dumps(collection))
        settings = cloud.settings(catalog=str(folder))
    seen: list[tuple[str, str]] = []
    with served(settings) as server:
        statuses = []
        for response in responses(server, archive):
            statuses.append((str(response.url), response.status_code, response.text[:200]))
            seen.append((str(response.url), f"{response.headers!r}\n{response.content.decode('latin-1')}"))
        assert not [each for each in statuses if each[1] not in (200, 201)]
        seen.append(("caches", caches(server)))
        assert len(server.app.state.engine.blocks._blocks._blocks) > 0
    assert cloud.store.refused == []
    seen.append(("doctor", asyncio.run(diagnosis(settings))))
    assert set(cloud.store.refused) == {"no token"}  # the doctor measures the latency without reading
    failures = list(asyncio.run(errors(cloud, settings)))
    assert len(failures) == 6
    seen += [("error", "".join(traceback.format_exception(error)) + repr(error)) for error in failures]
    cloud.store.refuse_all = True
    with served(cloud.settings(catalog=settings.catalog, cache_dir=tmp_path / "cold")) as server:
        for response in responses(server, archive):
            seen.append((str(response.url), f"{response.headers!r}\n{response.content.decode('latin-1')}"))
        assert "http-403" in "".join(text for _, text in seen)
        seen.append(("caches", caches(server)))
    seen.append(("doctor", asyncio.run(diagnosis(settings))))
    cloud.service.fail_any(always=status(403))
    with served(cloud.settings(catalog=settings.catalog, cache_dir=tmp_path / "colder")) as server:
        seen += [(str(each.url), f"{each.headers!r} {each.text}") for each in [server.get(tile(), params=QUERY)]]
    for folder in (cloud.cache, tmp_path / "cold", tmp_path / "colder"):
        seen += stored_texts(folder)
    if archive:
        assert any('"description":"Mine"' in text for _, text in seen)
        seen += [each for each in stored_texts(tmp_path / "archive") if not each[0].endswith(".json")]
    formatter = logging.Formatter("%(name)s %(message)s")
    seen += [(record.name, formatter.format(record) + repr(record.args)) for record in caplog.records]
    assert any(name == "httpx" for name, _ in seen)
    assert any("SELECT" in name or "search_pages" in name or archive for name, _ in seen)

    secrets = cloud.all_secrets()
    requested = " ".join(cloud.store.targets)
    used = {secret for secret in secrets if secret in requested}
    assert used
    by_item = {form for secret in cloud.secrets for form in (secret, quote(secret, safe=""))} & used
    assert bool(by_item) == (kind == "catalogue with signed URLs")
    for name, text in seen:
        leaked = [secret for secret in secrets if secret in text]
        assert not leaked, f"{name} reveals {leaked[0]}: {text[max(0, text.find(leaked[0]) - 200) :][:400]}"
    for other in (cloud.catalog, cloud.service):
        assert isinstance(other, RangeServer)
        received = (
            repr(other.requests) + repr(getattr(other, "catalog_requests", "")) + repr(getattr(other, "names", ""))
        )
        assert not [secret for secret in secrets if secret in received]
