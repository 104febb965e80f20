"""Query strings as clients send them: with unescaped plus signs and unknown parameters."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scog.bandmath.operations import FUNCTIONS
from scog.bandmath.parser import parse_outputs
from scog.bandmath.tree import Node
from scog.errors import InvalidExpression
from scog.settings import Settings
from scog.web.params.plus_signs import HINT, restore_plus
from tests.profiles import SENTINEL_2
from tests.web.conftest import WEST, Served, is_problem, served

LON, LAT = WEST.lonlat()
BOX = f"{LON - 0.01:.4f},{LAT - 0.007:.4f},{LON + 0.01:.4f},{LAT + 0.007:.4f}"
CLOUDS = "datetime=2024-06-12T10:00:00%2B00:00/2024-06-12T12:00:00%2B00:00"


@pytest.mark.parametrize(
    ("name", "arrived", "meant"),
    [
        ("expression", "nir red", "nir+red"),
        ("expression", "nir   red", "nir+red"),
        ("expression", "(nir-red)/(nir red)", "(nir-red)/(nir+red)"),
        ("expression", "nir (red)", "nir+(red)"),
        ("expression", "(nir) 0.5", "(nir)+0.5"),
        ("expression", "2.5*(nir-red)/(nir 6*red-7.5*blue 1)", "2.5*(nir-red)/(nir+6*red-7.5*blue+1)"),
        ("expression", "sqrt (nir red)", "sqrt (nir+red)"),
        ("expression", "nir  sqrt(red)", "nir+sqrt(red)"),
        ("expression", "1e 3*nir", "1e+3*nir"),
        ("expression", "nir - red", "nir - red"),
        ("expression", "nir   -red", "nir   -red"),
        ("expression", "nir + red", "nir + red"),
        ("expression", "nir and red", "nir and red"),
        ("expression", "nir if 1 else 2", "nir if 1 else 2"),
        ("expression", " nir ; red ", " nir ; red "),
        ("mask", "clouds, (nir-red)/(nir red) < 0.2 ,3", "clouds, (nir-red)/(nir+red) < 0.2 ,3"),
        ("mask", "max(nir, red blue) > 1e 0", "max(nir, red+blue) > 1e+0"),
        ("datetime", "2024-06-12T00:00:00 02:00", "2024-06-12T00:00:00+02:00"),
        (
            "datetime",
            "2024-06-12T00:00:00.5 02:00/2024-06-13 00:00:00 02:00",
            "2024-06-12T00:00:00.5+02:00/2024-06-13 00:00:00+02:00",
        ),
        ("datetime", "2024-06-12 10:00:00Z", "2024-06-12 10:00:00Z"),
        ("compare", "2024-06-12T00:00:00 00:00/..", "2024-06-12T00:00:00+00:00/.."),
        ("rescale", "0,1e 3", "0,1e+3"),
        ("rescale", "0,1.E 3", "0,1.E+3"),
        ("colormap", '{"1e 1": [0, 0, 0]}', '{"1e+1": [0, 0, 0]}'),
        ("color_formula", "gamma RGB 1.3, saturation 1.2", "gamma RGB 1.3, saturation 1.2"),
        ("search", "leaf 1e 3", "leaf 1e 3"),
        (
            "filter",
            "datetime > TIMESTAMP('2024-06-12T00:00:00 02:00')",
            "datetime > TIMESTAMP('2024-06-12T00:00:00+02:00')",
        ),
    ],
)
def test_unambiguous_plus_signs_are_restored(name: str, arrived: str, meant: str) -> None:
    assert restore_plus(name, arrived) == meant
    assert restore_plus(name, meant) == meant


def outputs(text: str) -> tuple[Node, ...]:
    return parse_outputs(text, SENTINEL_2.names)


OPERANDS = st.sampled_from(["nir", "red", "B8A", "0.5", "1e-3", "(nir-red)", "sqrt(red)", "max(nir, red)"])


@given(st.lists(OPERANDS, min_size=2, max_size=6), st.integers(1, 3))
def test_sums_without_plus_signs_are_restored(operands: list[str], spaces: int) -> None:
    written = "+".join(operands)
    if not any(letter.isalpha() for letter in written.replace("e-", "")):
        return
    assert outputs(restore_plus("expression", (" " * spaces).join(operands))) == outputs(written)


@given(st.text(alphabet="nirend 1.2()+-*/eE<>=,;sqt", max_size=40))
def test_valid_expressions_keep_their_meaning(text: str) -> None:
    try:
        meant = outputs(text)
    except InvalidExpression:
        return
    assert outputs(restore_plus("expression", text)) == meant


def test_functions_are_those_of_expressions() -> None:
    for name in FUNCTIONS:
        assert restore_plus("expression", f"{name} (nir)") == f"{name} (nir)"


@pytest.mark.parametrize("path", ["/tiles/{west}.npy?mask=none&", f"/bbox/{BOX}.npy?mask=none&max_size=32&"])
@pytest.mark.parametrize(
    "query",
    [
        "expression=(nir-red)/(nir{}red)",
        "expression=nir{}red",
        "expression=1e{}0*nir",
        "index=ndvi&datetime=2024-06-12T00:00:00{}02:00/2024-06-13T00:00:00{}02:00",
    ],
)
@pytest.mark.parametrize("sign", ["+", "%20", "+%20+"])
def test_images_with_unescaped_plus_signs_are_equal(
    path: str, query: str, sign: str, server: Served, west: str
) -> None:
    if sign == "+%20+" and "nir{}" not in query:
        return
    path = path.format(west=west)
    escaped = server.get(path + query.replace("{}", "%2B"))
    unescaped = server.get(path + query.replace("{}", sign))
    assert unescaped.status_code == 200, unescaped.text
    assert unescaped.content == escaped.content
    assert np.isfinite(np.load(io.BytesIO(escaped.content))).any()


def test_links_escape_plus_signs(server: Served) -> None:
    (template,) = server.get("/tilejson.json?expression=(nir-red)/(nir+red)").json()["tiles"]
    assert "nir%2Bred" in template


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/{west}?expression=nir+*+*+red",
        "/tiles/{west}?datetime=2024-06-12T00:00+02:00",
        "/tiles/{west}?rescale=a+b",
        "/tiles/{west}?cloud_cover=1+2",
        f"/timeseries/{LON},{LAT}?expression=nir+and+red",
    ],
)
def test_errors_explain_how_to_escape_a_plus(path: str, server: Served, west: str) -> None:
    problem = is_problem(server.get(path.format(west=west)), 400)
    assert HINT in problem["detail"]
    escaped = is_problem(server.get(path.format(west=west).replace("+", "%20")), 400)
    assert HINT not in escaped["detail"]


# Unknown parameters


@pytest.fixture(scope="module")
def lenient(archive: Path) -> Iterator[Served]:
    with served(Settings(catalog=str(archive), unknown_parameters="ignore")) as running:
        yield running


ENDPOINTS = (
    "/tiles/{west}?bands=red",
    f"/bbox/{BOX}?bands=red",
    f"/point/{LON},{LAT}?index=ndvi",
    f"/timeseries/{LON},{LAT}?index=ndvi",
    "/tilejson.json?index=ndvi",
    "/WMTSCapabilities.xml?index=ndvi",
    "/scenes?bbox=11,45,12,46",
    "/legend.png?index=ndvi",
    f"/animation/{BOX}?index=ndvi",
    "/indices?search=ndvi",
    "/stac/search?limit=1",
    "/stac/collections?",
    "/bands?",
    "/tileMatrixSets?",
    "/tiles/{west}/scenes?cloud_cover=50",
)
KEYS = ("_=1718000000", "dt=1", "v=2", "access_token=x", "rev=1&rev=2", "Bands%5B%5D=")


@pytest.mark.parametrize("path", ENDPOINTS)
def test_unknown_parameters_are_rejected_or_ignored_as_set(
    path: str, server: Served, lenient: Served, west: str
) -> None:
    path = path.format(west=west)
    plain = lenient.get(path)
    assert plain.status_code == 200, plain.text
    for key in KEYS:
        problem = is_problem(server.get(f"{path}&{key}"), 400)
        assert problem["parameter"] == key.partition("=")[0].replace("%5B%5D", "[]")
        assert problem["valid"]
        response = lenient.get(f"{path}&{key}")
        assert (response.status_code, response.content) == (200, plain.content), key


def test_known_parameters_are_validated_in_any_case(lenient: Served, west: str) -> None:
    assert is_problem(lenient.get(f"/tiles/{west}?index=nix&_=1"), 400)["parameter"] == "index"
    assert is_problem(lenient.get(f"/tiles/{west}?index=ndvi&index=ndvi"), 400)["parameter"] == "index"


def test_misspelt_parameters_get_a_suggestion(server: Served, west: str) -> None:
    assert "did you mean datetime" in is_problem(server.get(f"/tiles/{west}?datetim=2024"), 400)["detail"]


# Formats by suffix and by parameter


@pytest.mark.parametrize(
    "base",
    [
        "/bbox/10.29,46.01,10.33,46.04",
        "/bbox/10,46,11,47",
        "/bbox/10.29,45,10.33,46.",
        "/bbox/10.29,46.01,10.33,46.04/32x32",
    ],
)
@pytest.mark.parametrize("cube", [False, True])
def test_formats_of_boxes_by_suffix_or_parameter(base: str, cube: bool, server: Served) -> None:
    if cube:
        base = f"/cubes/{server.client.post('/cubes', json={'index': 'ndvi'}).json()['id']}{base}"
    size = "" if "x32" in base else "&width=32&height=32"
    kinds = {"": "image/png", ".png": "image/png", ".tif": "image/tiff", ".npy": "application/x-npy"}
    for suffix, media in kinds.items():
        responses = [server.get(f"{base}{suffix}?{size}")]
        if suffix:
            responses += [server.get(f"{base}{ending}?format={suffix[1:]}{size}") for ending in ("", suffix)]
        for response in responses:
            assert response.status_code == 200, response.text
            assert response.headers["Content-Type"] == media
            assert response.content == responses[0].content
    for path in (f"{base}.png?format=tif", f"{base}.gif?", f"{base}?format=exe", f"{base}.PNG?"):
        assert is_problem(server.get(path + size), 400)["parameter"] == "format"


def test_formats_of_animations_by_suffix_or_parameter(server: Served) -> None:
    for path, media in (
        (f"/animation/{BOX}?size=64", "gif"),
        (f"/animation/{BOX}.gif?size=64", "gif"),
        (f"/animation/{BOX}?size=64&format=webp", "webp"),
        (f"/animation/{BOX}.webp?size=64&format=webp", "webp"),
    ):
        assert server.get(path).headers["Content-Type"] == f"image/{media}"
    for path in (f"/animation/{BOX}.gif?format=webp", f"/animation/{BOX}.png", f"/animation/{BOX}?format=png"):
        assert is_problem(server.get(path), 400)["parameter"] == "format"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("filter", "code IN ('3e 4')"),
        ("classes", "zone 1e 5,0.2,b"),
        ("expression", "MAX (red,nir)"),
        ("mask", "no data, 8 9, clouds "),
        ("mask", "bit (scl, 3)"),
    ],
)
def test_meaningful_spaces_are_preserved(name: str, text: str) -> None:
    assert restore_plus(name, text) == text
