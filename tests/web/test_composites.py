"""Composites over HTTP."""

from __future__ import annotations

import io
from urllib.parse import quote

import numpy as np
import pytest
import rasterio

from scog.composite.methods import COMPOSITES
from tests.web.conftest import Served, is_problem

MONTH = "datetime=2024-05-01/2024-06-30"


def values(server: Served, path: str) -> np.ndarray:
    response = server.get(path)
    assert response.status_code == 200, response.text
    return np.asarray(np.load(io.BytesIO(response.content)))


@pytest.mark.parametrize("name", [*(each.name for each in COMPOSITES), "p25"])
def test_all_composites_are_drawn_and_listed(name: str, server: Served, west: str) -> None:
    query = f"composite={name}" + ("&index=scl" if name == "mode" else "")
    response = server.get(f"/tiles/{west}?{query}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/png"
    title = next((each.title for each in COMPOSITES if each.name == name), "25th percentile")
    for path in ("/legend.json", "/tilejson.json"):
        body = server.get(f"{path}?{query}").json()
        assert name == "newest" or (body.get("title") or body["name"]).endswith(f", {title}")


def test_values_include_the_p_value_but_images_do_not(server: Served, west: str) -> None:
    assert values(server, f"/tiles/{west}.npy?composite=slope").shape == (2, 256, 256)
    with rasterio.open(io.BytesIO(server.get(f"/tiles/{west}.tif?composite=slope").content)) as file:
        assert [text[:7] for text in file.descriptions] == ["(nir - ", "p-value"]
        assert file.tags()["COMPOSITE"] == "slope"
    assert values(server, f"/tiles/{west}.npy?composite=count").shape == (1, 256, 256)
    body = server.get("/point/11.5,45.1?composite=slope").json()
    assert len(body["values"]) == len(body["band_names"]) == 2
    assert body["datetime"] is None, "there are many scenes"


@pytest.mark.parametrize(
    ("titiler_name", "composite"),
    [("first", "newest"), ("highest", "max"), ("lowest", "min"), ("stdev", "std"), ("count", "count")],
)
def test_titiler_names_give_equal_composites(titiler_name: str, composite: str, server: Served, west: str) -> None:
    with_titiler_name, with_scog_name = (
        values(server, f"/tiles/{west}.npy?{query}")
        for query in (f"pixel_selection={titiler_name}", f"composite={composite}")
    )
    assert np.array_equal(with_titiler_name, with_scog_name, equal_nan=True)


def test_composites_are_listed(server: Served, west: str) -> None:
    listed = server.get("/composites").json()["composites"]
    assert {each.name for each in COMPOSITES} <= {entry["name"] for entry in listed}
    assert all(entry["title"] and entry["description"].endswith(".") and entry["unit"] for entry in listed)


def test_invalid_combinations_are_rejected(server: Served, west: str) -> None:
    for query in ("composite=mode", "composite=geomedian&index=scl", f"composite={quote('p 5')}"):
        for path in (f"/tiles/{west}", "/legend.json", "/tilejson.json"):
            assert is_problem(server.get(f"{path}?{query}"), 400)["parameter"] == "composite"
