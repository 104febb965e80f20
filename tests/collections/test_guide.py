"""The profile in the guide is valid, and says what the guide says."""

from __future__ import annotations

import re
from pathlib import Path

from scog.collections.built_in import FILES
from scog.collections.profile_toml import parse_profile

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "collections.md").read_text("utf-8")


def test_the_example_is_a_valid_profile() -> None:
    example, bits = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert parse_profile(f'name = "udm2"\n{bits}', "guide").default_mask.startswith("cloud > 0")
    profile = parse_profile(example, "guide")
    assert [band.name for band in profile.bands] == ["red", "nir", "quality"]
    assert profile.mask is not None
    assert profile.mask.sets == {"clouds": {2}}
    assert profile.mask.invalid == {0}


def test_every_known_collection_is_listed() -> None:
    table = GUIDE.partition("## Collections that scog knows")[2].partition("Each is a TOML file")[0]
    listed = set(re.findall(r"`([^` ]+)`", table))
    assert {name for name in FILES if ".v2.0" not in name} <= listed
