"""Small made-up archives of the collections that have profiles: encodings, bits and items as the catalogues write them.

They are written down here a second time, from the providers' documents, so that they do not depend on scog's profiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.doubles.collections.hls import HLS
from tests.doubles.collections.item import Made
from tests.doubles.collections.landsat import LANDSAT
from tests.doubles.collections.others import OTHERS
from tests.doubles.collections.sentinel_2 import RULES, SENTINEL_2

MADE: tuple[Made, ...] = (*SENTINEL_2, *LANDSAT, *HLS, *OTHERS)
WITH_RULES: tuple[Made, ...] = (*MADE, *RULES)
"""With each row of the rules by which collections write offsets."""
BY_NAME = {made.name: made for made in MADE}


def write_archives(folder: Path, items: Sequence[Made] = MADE) -> Path:
    """Write items below a folder."""
    for made in items:
        made.write(folder)
    return folder
