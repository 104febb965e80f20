"""scog computes images, time series and statistics from archives of satellite COGs on request.

For notebooks and scripts:

    with scog.Session() as session:
        session.image(bbox=(11.2, 46.4, 11.5, 46.6), index="ndvi", datetime="2022-06-01/2022-08-31")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scog.errors import ScogError
    from scog.session import AreaStatistics, Image, PointValues, SeriesRow, Session

__version__ = "0.1.0"
__all__ = ["AreaStatistics", "Image", "PointValues", "ScogError", "SeriesRow", "Session"]

_MODULES = {"ScogError": "scog.errors"}
"""Modules of public names that are not in `scog.session`."""


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that `import scog` takes a millisecond."""
    if name not in __all__:
        raise AttributeError(f"module 'scog' has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "scog.session")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
