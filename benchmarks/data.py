"""Full-size scenes for the benchmarks: COGs with Earth Search's layout, filled with noise that compresses like land.

    python -m benchmarks.data

writes them once to `benchmarks/data` (3 GB, not in git). Speed depends on the size of blocks and on their decoding
time, not on the image content. Therefore each overview level has separate noise, tuned so that blocks are as large as
those of real scenes. Three sets of bands and ten cloud masks of one MGRS tile make up a hundred dates, whose files are
links. Three neighbouring MGRS tiles, two of them in the next UTM zone, have one date each.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.shutil import copy

FOLDER = Path(__file__).parent / "data"
RECIPE = 1
"""Version of the generator; increase it whenever the files change."""
SIDE = 109_800  # metres
OVERVIEWS = (2, 4, 8, 16)
NOISE = 32.0
"""Standard deviation, in stored numbers, of the noise that each level adds; gives 1.4 MB per block of 1024 x 1024."""
LEVELS = {"red": 700, "green": 900, "blue": 600, "nir": 3000}
"""Mean of each band's stored numbers."""
GENERATIONS, SKIES, DATES = 3, 10, 100
NEWEST = datetime(2022, 9, 29, 10, 20, 31, tzinfo=UTC)


@dataclass(frozen=True)
class MgrsTile:
    """An MGRS tile; `left` and `top` in metres of its UTM zone."""

    name: str
    epsg: int
    left: int
    top: int

    def corners(self) -> list[tuple[float, float]]:
        """The closed outline in degrees, with five segments per side."""
        steps = np.linspace(0, SIDE, 6)[:-1]
        xs = self.left + np.concatenate([steps, steps * 0 + SIDE, SIDE - steps, steps * 0])
        ys = self.top - np.concatenate([steps * 0, steps, steps * 0 + SIDE, SIDE - steps])
        lons, lats = Transformer.from_crs(self.epsg, 4326, always_xy=True).transform(xs, ys)
        ring = [(round(float(lon), 6), round(float(lat), 6)) for lon, lat in zip(lons, lats, strict=True)]
        return [*ring, ring[0]]


MAIN = MgrsTile("32TQS", 32632, 699_960, 5_200_020)
NEIGHBOURS = (
    MgrsTile("32TQR", 32632, 699_960, 5_100_000),
    MgrsTile("33TUM", 32633, 300_000, 5_200_020),
    MgrsTile("33TUL", 32633, 300_000, 5_100_000),
)


@dataclass(frozen=True)
class Scene:
    """An acquisition of an MGRS tile; `assets` are paths relative to the data folder, or URLs once served."""

    id: str
    datetime: str
    mgrs_tile: str
    epsg: int
    bbox: tuple[float, float, float, float]
    footprint: dict[str, Any]
    assets: dict[str, str]

    def at(self, base: str) -> dict[str, Any]:
        """The scene as contenders receive it, with absolute URLs below `base`."""
        return asdict(self) | {"assets": {band: f"{base}/{path}" for band, path in self.assets.items()}}


@dataclass(frozen=True)
class Dataset:
    """All scenes: `dates` of the main MGRS tile, newest first, and `neighbours`, one for each MGRS tile beside it."""

    folder: Path
    dates: tuple[Scene, ...]
    neighbours: tuple[Scene, ...]

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """All scenes."""
        return self.dates + self.neighbours


def dataset(folder: Path = FOLDER) -> Dataset:
    """The scenes, generated first if missing or outdated (some minutes)."""
    mark = folder / "ready.json"
    if not mark.exists() or json.loads(mark.read_text())["recipe"] != RECIPE:
        make(folder)
        mark.write_text(json.dumps({"recipe": RECIPE}))
    dates = [_scene(MAIN, number, ("red", "nir", "scl", "green", "blue")) for number in range(DATES)]
    neighbours = [_scene(mgrs_tile, number + 1, ("red", "nir", "scl")) for number, mgrs_tile in enumerate(NEIGHBOURS)]
    return Dataset(folder, tuple(dates), tuple(neighbours))


def _scene(mgrs_tile: MgrsTile, number: int, bands: Sequence[str]) -> Scene:
    moment = NEWEST - timedelta(days=5 * number)
    name = f"S2A_{mgrs_tile.name}_{moment:%Y%m%d}_0_L2A"
    ring = mgrs_tile.corners()
    lons, lats = zip(*ring, strict=True)
    return Scene(
        id=name,
        datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        mgrs_tile=mgrs_tile.name,
        epsg=mgrs_tile.epsg,
        bbox=(min(lons), min(lats), max(lons), max(lats)),
        footprint={"type": "Polygon", "coordinates": [[list(corner) for corner in ring]]},
        assets={band: f"scenes/{name}/{band}.tif" for band in bands},
    )


# Generating files


def make(folder: Path) -> None:
    """Write all files, and the links of the dates."""
    files = folder / "files"
    files.mkdir(parents=True, exist_ok=True)
    pending: list[tuple[Path, MgrsTile, str, int]] = []
    for number in range(GENERATIONS):
        pending += [(files / f"{MAIN.name}-{number}-{band}.tif", MAIN, band, number) for band in ("red", "nir")]
    pending += [(files / f"{MAIN.name}-0-{band}.tif", MAIN, band, 0) for band in ("green", "blue")]
    pending += [(files / f"{MAIN.name}-{sky}-scl.tif", MAIN, "scl", sky) for sky in range(SKIES)]
    for mgrs_tile in NEIGHBOURS:
        pending += [(files / f"{mgrs_tile.name}-0-{band}.tif", mgrs_tile, band, 0) for band in ("red", "nir", "scl")]
    pending = [each for each in pending if not each[0].exists()]
    print(f"writing {len(pending)} files to {files}, which takes some minutes", flush=True)
    with ProcessPoolExecutor(2) as processes:
        for path in processes.map(_make_file, *zip(*pending, strict=True)) if pending else ():
            print(f"  {path.name}: {path.stat().st_size / 1e6:.0f} MB", flush=True)
    for number in range(DATES):
        bands = dict.fromkeys(("green", "blue"), 0) | dict.fromkeys(("red", "nir"), number % GENERATIONS)
        _link(folder, MAIN, number, bands | {"scl": number % SKIES})
    for number, mgrs_tile in enumerate(NEIGHBOURS, start=1):
        _link(folder, mgrs_tile, number, {"red": 0, "nir": 0, "scl": 0})


def _link(folder: Path, mgrs_tile: MgrsTile, number: int, generations: dict[str, int]) -> None:
    for band, path in _scene(mgrs_tile, number, tuple(generations)).assets.items():
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../../files") / f"{mgrs_tile.name}-{generations[band]}-{band}.tif")


def _make_file(path: Path, mgrs_tile: MgrsTile, band: str, generation: int) -> Path:
    seed = [
        mgrs_tile.left,
        mgrs_tile.top,
        mgrs_tile.epsg,
        sorted(LEVELS).index(band) if band in LEVELS else 9,
        generation,
    ]
    rng = np.random.default_rng(seed)
    if band == "scl":
        write_cog(path, classes(rng, generation), mgrs_tile, pixel=20, block=512)
    else:
        write_cog(path, numbers(rng, LEVELS[band]), mgrs_tile, pixel=10, block=1024)
    return path


def numbers(rng: np.random.Generator, mean: float, side: int = 10_980) -> NDArray[np.uint16]:
    """Stored numbers of a band, `(side, side)`: hills of some kilometres, and independent noise at each level."""
    field = _hills(rng, -(-side // 16), 12) * np.float32(mean / 3) + np.float32(mean)
    field += np.float32(NOISE) * rng.standard_normal(field.shape, np.float32)
    for _ in OVERVIEWS:
        field = field.repeat(2, axis=0).repeat(2, axis=1)
        field += np.float32(NOISE) * rng.standard_normal(field.shape, np.float32)
    stored: NDArray[np.uint16] = np.clip(field[:side, :side], 1, 20_000).astype(np.uint16)
    return stored


def classes(rng: np.random.Generator, sky: int, side: int = 5_490) -> NDArray[np.uint8]:
    """A scene classification `(side, side)`: three land classes below clouds that cover 5 to 70 percent."""
    land = _hills(rng, -(-side // 16), 40).repeat(16, axis=0).repeat(16, axis=1)[:side, :side]
    clouds = _hills(rng, -(-side // 4), 24).repeat(4, axis=0).repeat(4, axis=1)[:side, :side]
    clouds += np.float32(0.15) * rng.standard_normal(clouds.shape, np.float32)
    land += np.float32(0.1) * rng.standard_normal(land.shape, np.float32)
    scl = np.where(land > 0.8, 6, np.where(land > -0.4, 4, 5)).astype(np.uint8)
    edge = np.quantile(clouds[::16, ::16], 1 - (0.05 + 0.65 * (sky % SKIES) / SKIES))
    for offset, number in ((-0.15, 3), (0, 8), (0.3, 9)):
        scl[clouds > edge + offset] = number
    return scl


def _hills(rng: np.random.Generator, side: int, count: int) -> NDArray[np.float32]:
    """Smooth noise `(side, side)` of mean 0 and standard deviation about 1, with about `count` hills per side."""
    lattice = rng.standard_normal((count + 1, count + 1), np.float32)
    place = np.linspace(0, count, side, endpoint=False, dtype=np.float32)
    cell, share = place.astype(np.intp), place % 1
    share = (share * share * (3 - 2 * share)).astype(np.float32)
    rows = lattice[cell] * (1 - share[:, None]) + lattice[cell + 1] * share[:, None]
    return np.asarray(rows[:, cell] * (1 - share) + rows[:, cell + 1] * share, np.float32) * np.float32(1.3)


def write_cog(path: Path, stored: NDArray[Any], mgrs_tile: MgrsTile, *, pixel: int, block: int) -> None:
    """Write a file with Earth Search's layout: tiled DEFLATE, all image file directories first, four overviews."""
    spectral = stored.dtype == np.uint16
    profile = {
        "driver": "GTiff", "height": stored.shape[0], "width": stored.shape[1], "count": 1, "dtype": stored.dtype.name,
        "nodata": 0, "crs": f"EPSG:{mgrs_tile.epsg}",
        "transform": Affine(pixel, 0, mgrs_tile.left, 0, -pixel, mgrs_tile.top),
    }  # fmt: skip
    options = {
        "driver": "GTiff", "copy_src_overviews": True, "tiled": True, "blockxsize": block, "blockysize": block,
        "compress": "deflate", "zlevel": 6, "predictor": 2 if spectral else 1,
    }  # fmt: skip
    part = path.with_suffix(".part")
    with (
        rasterio.Env(GDAL_TIFF_OVR_BLOCKSIZE=str(block // 2)),
        MemoryFile() as memory,
        memory.open(**profile) as whole,
    ):
        whole.write(stored, 1)
        whole.build_overviews(list(OVERVIEWS), Resampling.average if spectral else Resampling.mode)
        copy(whole, str(part), **options)
    part.rename(path)


# STAC items


def write_archive(folder: Path, scenes: Sequence[dict[str, Any]]) -> Path:
    """Write scenes, as returned by `Scene.at`, as the STAC items of a local archive."""
    folder.mkdir(parents=True, exist_ok=True)
    for scene in scenes:
        (folder / f"{scene['id']}.json").write_text(json.dumps(stac_item(scene)))
    return folder


def stac_item(scene: dict[str, Any]) -> dict[str, Any]:
    """The STAC item of a scene with absolute URLs; reflectance is the stored number x 0.0001."""
    spectral = {"nodata": 0, "scale": 0.0001, "offset": 0}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": scene["id"],
        "collection": "benchmark",
        "bbox": list(scene["bbox"]),
        "geometry": scene["footprint"],
        "links": [],
        "properties": {
            "datetime": scene["datetime"],
            "platform": "sentinel-2a",
            "grid:code": f"MGRS-{scene['mgrs_tile']}",
            "proj:epsg": scene["epsg"],
            "eo:cloud_cover": 0,
        },
        "assets": {
            band: {
                "href": url,
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "raster:bands": [{"nodata": 0} if band == "scl" else spectral],
            }
            for band, url in scene["assets"].items()
        },
    }


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    written = dataset()
    print(f"{len(written.scenes)} scenes in {written.folder}")
