"""Every reason for skipping a scene has a message with bands, file and advice."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import scog
from scog.catalog.assets import Asset
from scog.catalog.scene import Scene
from scog.cog.error_cache import ErrorCache
from scog.errors import AssetMissing, AssetRefused, SourceError
from scog.imaging.report import Report
from scog.imaging.skip_reasons import ADVICE, advice, display_name, skip_detail
from tests.doubles.archives import MadeScene, constant
from tests.profiles import parse_item
from tests.web.conftest import WEST

PACKAGE = Path(scog.__file__).parent
SIGNED = "https://user:secret@data.example.org:8443/a/nir.tif?sig=secret&X-Amz-Signature=secret"
GIVEN_SECOND = ("TransientError", "skipped.setdefault", ".abandon")
"""Calls with a reason as second argument."""


def reasons_of(tree: ast.AST) -> Iterator[str]:
    """Reasons that a module's errors are raised with, with `*` for placeholders; and those of `_REASONS`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "reason":
            yield from _texts(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(GIVEN_SECOND):
            yield from _texts(node.args[1])
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_REASONS":
            assert isinstance(node.value, ast.Dict)
            for value in node.value.values:
                yield from _texts(value)


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)


SCANNED = [
    PACKAGE / "net",
    PACKAGE / "cog",
    PACKAGE / "imaging",
    PACKAGE / "products",
    PACKAGE / "runtime",
]
FILES = [path for each in SCANNED for path in (sorted(each.rglob("*.py")) if each.is_dir() else [each])]
REASONS = sorted(
    {reason for path in FILES if "catalog" not in path.name for reason in reasons_of(ast.parse(path.read_text()))}
)


def test_the_scan_finds_known_reasons() -> None:
    known = {
        "host-not-allowed",
        "no-file",
        "no-band-*",
        "http-*",
        "timeout",
        "deadline",
        "broken-block",
        "certificate",
    }
    assert known <= set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_advice(reason: str) -> None:
    filled = {"http-*": ["http-403", "http-404", "http-429", "http-500", "http-503"], "no-band-*": ["no-band-nir"]}
    for each in filled.get(reason, [reason]):
        kind = "no-band" if each.startswith("no-band-") else each
        assert kind in ADVICE or re.fullmatch("http-5..", each), f"scog.imaging.skip_reasons has no advice for {each}"
        assert re.fullmatch(r"[A-Z`].{8,120}\.", advice(each))


def test_every_advice_has_a_reason() -> None:
    kinds = {kind for kind in ADVICE if not kind.startswith("http-")}
    assert kinds <= {reason.removesuffix("-*") for reason in REASONS}


def scene(**urls: str) -> Scene:
    made = MadeScene("S2A_one", WEST, "2024-06-12T10:10:31Z", {"red": constant(WEST, 500)})
    return Scene(
        made.id,
        "mine",
        parse_item(_item()).time,
        "",
        "",
        None,
        parse_item(_item()).footprint,
        {band: Asset(url) for band, url in urls.items()},
        None,
        None,
        "",
    )


def _item() -> dict[str, object]:
    ring = [[11, 45], [12, 45], [12, 46], [11, 45]]
    return {
        "id": "x",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": "2024-06-12T10:00:00Z"},
        "assets": {"red": {"href": "https://example.org/a.tif", "type": "image/tiff"}},
    }


def source_error(
    url: str | None, reason: str = "no-file", text: str = "There is no such file in the archive."
) -> SourceError:
    error = AssetMissing(text, reason=reason)
    error.url = url
    return error


def test_band_and_file_are_named_without_secrets() -> None:
    one = scene(nir=SIGNED, red="https://data.example.org/a/red.tif")
    message = skip_detail(one, source_error(SIGNED, "http-403", "The server answered 403."))
    assert message.startswith("nir (data.example.org:8443/a/nir.tif): The server answered 403.")
    assert "secret" not in message
    assert "?" not in message


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("file:///srv/archive/2024/a%20b/nir.tif", "2024/a b/nir.tif"),
        ("file:///srv/other/nir.tif", "nir.tif"),
        ("file:///srv/archive/../../etc/passwd", "passwd"),
        ("file:///srv/archive-2/nir.tif", "nir.tif"),
        ("file:///srv/archive", "."),
        ("https://Data.example.org/x.tif?token=1#frag", "data.example.org/x.tif"),
    ],
)
def test_local_files_are_relative_to_the_archive(url: str, name: str) -> None:
    assert display_name(url, Path("/srv/archive")) == name


def test_all_bands_of_a_file_are_named() -> None:
    one = scene(red="file:///srv/a/all.tif", nir="file:///srv/a/all.tif")
    assert skip_detail(one, source_error("file:///srv/a/all.tif"), Path("/srv")).startswith("red, nir (a/all.tif): ")


def test_cached_errors_have_the_url_of_their_file() -> None:
    error_cache = ErrorCache(lambda: 0.0)
    error_cache.remember("file:///srv/a.tif", AssetRefused("It is too large.", reason="too-large"))
    with pytest.raises(AssetRefused) as raised:
        error_cache.check("file:///srv/a.tif")
    assert raised.value.url == "file:///srv/a.tif"


def test_the_first_error_of_a_scene_counts() -> None:
    report, other = Report(), Report()
    one = scene(nir="file:///srv/a/nir.tif", red="file:///srv/a/red.tif")
    report.skip(one, source_error("file:///srv/a/nir.tif"), Path("/srv"))
    report.skip(one, source_error("file:///srv/a/red.tif", "cut-off", "It ends early."), Path("/srv"))
    other.include(report)
    error = other.nothing_readable("No scene of this image could be read")
    assert str(error).startswith("No scene of this image could be read: nir (a/nir.tif): There is no such file")
    third = Report()
    third.record_failure(error)
    for each in (report, other, third):
        assert each.skipped_scenes() == [{"scene": one.id, "reason": "no-file", "detail": each.details[one.id]}]
        assert each.error_lines() == [f"{one.id}: no-file; {each.details[one.id]}"]
    json.dumps(third.skipped_scenes())


@pytest.mark.parametrize("url", ["https://data.example.org:99999/red.tif", "https://data.example.org:abc/red.tif"])
def test_invalid_urls_are_named_as_invalid(url: str) -> None:
    assert display_name(url, None) == "an invalid URL"
