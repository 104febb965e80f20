"""lazycogs: one `open` on the tile's grid, one time step per scene, all bands read together.

Its catalogue is a file that DuckDB searches with an extension that must be downloaded. This worker searches the few
requested scenes in memory behind the same two methods, which is faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import lazycogs
import numpy as np
from numpy.typing import NDArray
from xarray import DataArray

from benchmarks.contenders.exchange import Contender, run
from benchmarks.contenders.item import item
from benchmarks.contenders.stores import store_of
from benchmarks.contenders.work import Values, Work, first_valid, reflectance


class Catalogue:
    """The methods of a `DuckdbClient` that lazycogs calls, over items in memory that all intersect the tile."""

    def __init__(self, scenes: Sequence[dict[str, Any]]) -> None:
        self.items = [item(scene) for scene in scenes]

    def search(
        self, _: str, *, datetime: str | None = None, max_items: int | None = None, **__: Any
    ) -> list[dict[str, Any]]:
        """The items at an instant, or all items."""
        items = [each for each in self.items if datetime is None or _instant(each) == _moment(datetime)]
        return items[:max_items]

    def search_to_arrow(self, _: str, **__: Any) -> Any:
        """The items' datetimes, with the methods of an Arrow table that lazycogs calls."""
        columns = {"datetime": [each["properties"]["datetime"] for each in self.items]}
        return _Table(columns)


class _Table:
    def __init__(self, columns: dict[str, list[str]]) -> None:
        self.columns = columns
        self.schema = SimpleNamespace(names=list(columns))

    def __len__(self) -> int:
        return len(self.columns["datetime"])

    def column(self, name: str) -> Any:
        return SimpleNamespace(to_pylist=lambda: self.columns[name])


def _instant(each: dict[str, Any]) -> datetime:
    return _moment(each["properties"]["datetime"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.partition("/")[0])


class Lazycogs(Contender):
    """With its defaults: 32 concurrent items. An opened array is reused, as in a notebook."""

    distributions = ("lazycogs", "async-geotiff", "async-tiff", "obstore", "xarray", "numpy")

    def __init__(self) -> None:
        self.opened: dict[object, DataArray] = {}

    def load(self, work: Work, bands: tuple[str, ...]) -> NDArray[np.uint16]:
        """Stored numbers `(time, band, y, x)`, newest first."""
        key = work.bounds, bands, tuple(scene["assets"]["red"] for scene in work.scenes)
        if key not in self.opened:
            self.opened[key] = self.open(work, bands)
        return np.asarray(self.opened[key].to_numpy().swapaxes(0, 1)[::-1])

    def open(self, work: Work, bands: tuple[str, ...]) -> DataArray:
        """A lazy array `(band, time, y, x)`, oldest first; reads the headers of one scene."""
        return lazycogs.open(
            "memory.parquet",
            bbox=work.bounds,
            crs="EPSG:3857",
            resolution=work.resolution,
            bands=list(bands),
            time_period=None,
            duckdb_client=Catalogue(work.scenes),
            store=store_of(work.scenes[0]["assets"][bands[0]])[0],
        )

    def tile(self, work: Work) -> Values:
        """The newest scene's values, filled from older ones after all are loaded."""
        return first_valid([work.values(list(scene)) for scene in reflectance(self.load(work, work.bands))])

    def median(self, work: Work) -> Values:
        """Computed in memory after all scenes are loaded."""
        cube = self.load(work, (*work.bands, "scl"))
        layers = [work.masked(work.values(list(reflectance(scene[:-1]))), scene[-1]) for scene in cube]
        return work.composed(np.stack(layers))


if __name__ == "__main__":
    run(Lazycogs())
