"""Colormaps by name, as tables of 255 colours."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scog.errors import InvalidInput

COLORS = 255
"""Colours of a table; the 256th place of a palette is for what is transparent."""
SUGGESTED = ("rdylgn", "rdylbu", "rdbu", "ylorbr", "viridis", "magma", "cividis", "greys", "terrain", "ylgn", "brbg")


@lru_cache(maxsize=64)
def color_table(name: str) -> NDArray[np.uint8]:
    """The colours of a named map, uint8 `(255, 3)`, lowest first. A name ending in `_r` is reversed.

    Raises InvalidInput for an unknown name.
    """
    import cmap  # its catalogue takes long to load, and pictures of bands do without

    known = name.isascii() and name.replace("_", "").replace(":", "").replace("-", "").isalnum() and len(name) <= 64
    try:
        colormap = cmap.Colormap(name.lower()) if known else None
    except (ValueError, KeyError, TypeError):
        colormap = None
    if colormap is None:
        raise InvalidInput(
            f"There is no colormap {name[:64]!r}.",
            parameter="colormap_name",
            valid=f"a name of cmap's catalogue, such as {', '.join(SUGGESTED)}; _r behind it reverses",
        )
    rgba = colormap(np.linspace(0, 1, COLORS), N=COLORS)  # else the nearest of 256 colours, one or two off
    table: NDArray[np.uint8] = (np.asarray(rgba)[:, :3] * 255).round().astype(np.uint8)
    table.flags.writeable = False
    return table
