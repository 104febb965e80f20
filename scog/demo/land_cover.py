"""Land cover of the island: woods, fields, roads, towns. Arrays are `(y, x)` of one tile, lengths in metres."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scog.demo.noise import Cells, Floats, Ints, cells, fractal, hashed, smoothstep, unit, value_noise
from scog.demo.polylines import distance, smooth
from scog.demo.spectra import VARIANTS, Kind
from scog.demo.terrain import Terrain

Bools = NDArray[np.bool_]
TOWN = (3900.0, -1150.0)
_SETTLEMENTS = ((*TOWN, 900.0), (-2600.0, -1700.0, 330.0), (1900.0, 2500.0, 300.0), (6900.0, -300.0, 260.0))
_ROADS = (
    smooth([TOWN, (2700, -500), (1300, 900), (900, 1700), (1900, 2500)]),
    smooth([(2700, -500), (900, -1100), (-900, -1250), (-2600, -1700), (-4300, -1650), (-6700, -1300)]),
    smooth([TOWN, (5300, -700), (6900, -300)]),
    smooth([(1900, 2500), (3300, 2700), (5000, 2350), (6500, 1000), (6900, -300)]),
    smooth([(-2600, -1700), (-1900, -300), (-1300, 1500), (900, 1700)]),
)
_MOLES = (
    smooth([(4150, -1950), (3800, -2150), (3400, -2480), (2950, -2600)]),
    smooth([(2720, -1000), (2680, -1600), (2560, -2100)]),
)


class LandCover(NamedTuple):
    """Land cover of one tile, `(y, x)`."""

    code: NDArray[np.uint8]  # kind * VARIANTS + variant
    texture: Floats  # relative brightness, around 1


def land_cover(x: Floats, y: Floats, land: Terrain) -> LandCover:
    """Land cover `(y, x)` at frame coordinates `(y, x)` in metres. Each step overwrites the kinds before it."""
    kind = np.full(x.shape, Kind.GRASS, np.uint8)
    patch = fractal(x, y, 260, 3, 61)
    variant = _variant(patch)
    texture = 1 + 0.10 * patch + 0.05 * value_noise(x, y, 25, 62)
    slope = np.hypot(land.slope_east, land.slope_north)
    parcels = cells(x, y, 620, 71)
    farmed = _farmed(x, y, land, slope)
    _wild(x, y, land, slope, kind, texture)
    _fields(farmed, parcels, kind, variant, texture)
    _banks(land, kind)
    _town(x, y, land, kind, variant, texture)
    _roads(x, y, land, kind)
    _waters(x, y, land, kind, texture)
    return LandCover((kind * VARIANTS + variant).astype(np.uint8), texture.astype(np.float32))


def _variant(noise: Floats) -> NDArray[np.uint8]:
    """Noise in [-1, 1] as variants 0 to VARIANTS - 1."""
    return np.asarray(np.clip((noise + 1) * (VARIANTS / 2), 0, VARIANTS - 1), np.uint8)


def _farmed(x: Floats, y: Floats, land: Terrain, slope: Floats) -> Bools:
    """Mask of farmland: low, flat ground away from the coast."""
    patchy = fractal(x, y, 1300, 3, 63)
    good = 0.35 - slope * 3.2 - land.height / 330 + 0.28 * patchy
    return np.asarray((good > -0.05) & (land.inland > 170 + 90 * patchy), bool)


def _wild(x: Floats, y: Floats, land: Terrain, slope: Floats, kind: NDArray[np.uint8], texture: Floats) -> None:
    """Draw scrub, deciduous and evergreen wood, and scree and rock at high altitude."""
    stands, clumps = fractal(x, y, 900, 4, 64), fractal(x, y, 70, 3, 65, 0.7)
    dense = stands * 0.5 + clumps * 0.28
    kind[(dense + slope * 0.6 > 0.02) | (land.inland < 260)] = Kind.SCRUB
    wooded = dense + np.minimum(land.height / 260, 0.75) - smoothstep(land.height, 520, 760) * 1.1 > 0.36
    broad = fractal(x, y, 1100, 4, 66) + 0.45 * clumps + (land.height - 330) / 260 > 0.1
    kind[wooded] = np.where(broad, Kind.DECIDUOUS, Kind.EVERGREEN)[wooded]
    crowns = 1 + 0.17 * value_noise(x, y, 27, 67) + 0.17 * value_noise(x, y, 60, 68)
    texture[wooded] = (crowns * land.relief)[wooded]
    bare = slope * 0.75 + smoothstep(land.height, 480, 900) * 0.5 + 0.16 * clumps + 0.1 * stands
    kind[(bare > 0.62) & ~(wooded & (land.height < 500))] = Kind.SCREE
    rock = bare > 0.70
    kind[rock] = Kind.ROCK
    texture[rock] = ((1 + 0.22 * clumps) * land.relief)[rock]


_SHARES = ((Kind.WHEAT, 0.27), (Kind.RAPE, 0.05), (Kind.MAIZE, 0.15), (Kind.SUNFLOWER, 0.09), (Kind.ALFALFA, 0.13),
           (Kind.VINES, 0.11), (Kind.OLIVES, 0.11), (Kind.FALLOW, 0.09))  # fmt: skip


def _fields(farmed: Bools, blocks: Cells, kind: NDArray[np.uint8], variant: NDArray[np.uint8], texture: Floats) -> None:
    """Draw fields: blocks between tracks, divided into parallel strips, and strips into parcels of one crop each."""
    turn = unit(blocks.name, 1) * np.float32(np.pi)
    along = blocks.x * np.cos(turn) + blocks.y * np.sin(turn)
    across = blocks.y * np.cos(turn) - blocks.x * np.sin(turn)
    width = 70 + 130 * unit(blocks.name, 2)
    strip = np.floor(across / width)
    strip_hash = hashed(blocks.name, strip + 1000)
    length = 170 + 260 * unit(strip_hash, 3)
    step = along / length + unit(strip_hash, 4)
    parcel = hashed(strip_hash, np.floor(step) + 1000)
    draw, cumulative = unit(parcel, 5), np.cumsum([share for _, share in _SHARES])
    crop = np.array([k for k, _ in _SHARES] + [Kind.FALLOW], np.uint8)[np.searchsorted(cumulative, draw)]
    kind[farmed] = crop[farmed]
    variant[farmed] = (parcel % VARIANTS).astype(np.uint8)[farmed]
    tone = 0.90 + 0.2 * unit(parcel, 6)
    rows = 1 + 0.035 * np.sin(across * np.float32(2 * np.pi / 32)) + (texture - 1) * 0.45
    groves = np.isin(crop, (Kind.OLIVES, Kind.VINES))
    trees = 1 + 0.13 * np.sin(across * np.float32(2 * np.pi / 26)) * np.sin(along * np.float32(2 * np.pi / 26))
    texture[farmed] = (tone * np.where(groves, trees, rows))[farmed]
    margin = np.minimum(np.abs(across / width - strip - 0.5) * -width + width / 2,
                        (0.5 - np.abs(step - np.floor(step) - 0.5)) * length)  # fmt: skip
    kind[farmed & (margin < 5) & (unit(strip_hash, 7) < 0.6)] = Kind.GRASS
    hedge = unit(blocks.name, 8)
    kind[farmed & (blocks.edge < 9)] = Kind.TRACK
    kind[farmed & (blocks.edge >= 7) & (blocks.edge < 17) & (hedge < 0.45)] = Kind.DECIDUOUS


def _banks(land: Terrain, kind: NDArray[np.uint8]) -> None:
    """Draw trees and reeds along fresh water."""
    dry = land.inland > 0
    kind[dry & (land.river < 28)] = Kind.DECIDUOUS
    kind[dry & (land.river < 10)] = Kind.REED
    kind[dry & (land.lake > -45)] = Kind.REED


def _town(
    x: Floats, y: Floats, land: Terrain, kind: NDArray[np.uint8], variant: NDArray[np.uint8], texture: Floats
) -> None:
    """Draw settlements: a street grid with houses, gardens further out, and sheds at the edge of the large town."""
    for number, (cx, cy, radius) in enumerate(_SETTLEMENTS):
        near = (np.hypot(x - cx, y - cy) < 1.8 * radius) & (land.inland > 35) & (land.river > 25)
        if not near.any():
            continue
        east, north = x[near] - np.float32(cx), y[near] - np.float32(cy)
        ragged = 1 + 0.38 * fractal(east[None], north[None], 420, 3, 81 + number)[0]
        relative = np.hypot(east, north * 1.25) / (radius * ragged)
        built, house = _houses(east, north, relative, number, large=radius > 500)
        inside = relative < 1
        kind[near] = np.where(inside, built, kind[near])
        variant[near] = np.where(inside, house % VARIANTS, variant[near])
        texture[near] = np.where(inside, 0.86 + 0.28 * unit(house, 6), texture[near])


def _houses(
    east: Floats, north: Floats, relative: Floats, number: int, *, large: bool
) -> tuple[NDArray[np.uint8], Ints]:
    """Kind at positions relative to a town's centre, and a hash per house.

    `relative` is the distance from the centre, 1 at the town's edge.
    """
    turn = 0.35 + 0.6 * number
    u, v = east * np.cos(turn) + north * np.sin(turn), north * np.cos(turn) - east * np.sin(turn)
    street = (u % 96 < 13) | (v % 78 < 11) | ((u % 480 < 22) & large)
    block = hashed(np.floor(u / 96) + 5000, np.floor(v / 78) + 5000, number)
    house = hashed(np.floor(u / 19) + 5000, np.floor(v / 17) + 5000, number)
    draw = unit(house, 1)
    roof = np.where(draw < 0.62, Kind.TILES, np.where(draw < 0.80, Kind.WHITE_ROOF, Kind.GREY_ROOF))
    roof = np.where(unit(house, 2) < 0.18 + 0.62 * relative**2, Kind.GARDEN, roof)
    shed = (unit(block, 3) < 0.5) & (relative > 0.72) & (east > 0) & large
    roof = np.where(shed, np.where(unit(block, 5) < 0.5, Kind.WHITE_ROOF, Kind.GREY_ROOF), roof)
    park = (unit(block, 4) < 0.07) & ~shed
    return np.where(street, Kind.ASPHALT, np.where(park, Kind.GARDEN, roof)).astype(np.uint8), house


def _roads(x: Floats, y: Floats, land: Terrain, kind: NDArray[np.uint8]) -> None:
    for road in _ROADS:
        kind[(distance(x, y, road, 60) < 8) & (land.inland > 20)] = Kind.ASPHALT


def _waters(x: Floats, y: Floats, land: Terrain, kind: NDArray[np.uint8], texture: Floats) -> None:
    """Draw lake, rivers, beach, sea and surf, and the moles of the harbour."""
    fresh = (land.lake > 0) | ((land.river < 0) & (kind != Kind.ASPHALT))
    kind[fresh & (land.inland > 0)] = Kind.FRESH_WATER
    ragged = 18 * fractal(x, y, 130, 2, 91)
    shore = land.inland + ragged < 18 + 52 * land.gentle
    shore_kind = np.where(land.gentle + 0.02 * ragged > 0.55, Kind.BEACH, Kind.ROCK)
    kind[shore & ~fresh] = shore_kind[shore & ~fresh]
    sea = land.inland <= 0
    kind[sea] = Kind.SEA
    texture[sea | fresh] = 1
    breaking = sea & (land.inland > -14 - ragged) & (value_noise(x, y, 60, 92) > 0.15)
    kind[breaking] = Kind.SURF
    for mole in _MOLES:
        kind[(distance(x, y, mole, 60) < 13) & (land.inland < 40)] = Kind.CONCRETE
