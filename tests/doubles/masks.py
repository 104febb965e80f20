"""Profiles with classes, bits and neither, to mask by."""

from __future__ import annotations

from scog.collections.joint import joint_profile
from scog.collections.profile import Profile
from scog.collections.profile_toml import parse_profile
from tests.profiles import SENTINEL_2

_BITS = """
name = "{name}"
default_mask = "clouds"
[[bands]]
name = "red"
unit = "reflectance"
[[bands]]
name = "qa_pixel"
bits = true
[mask]
band = "qa_pixel"
bits = true
invalid = ["fill"]
invalid_values = [255]
names = {{ fill = 0, dilated = 1, cirrus = 2, cloud = 3, shadow = 4, snow = 5, clear = 6, water = 7 }}
sets = {{ clouds = [1, 2, 3, 4], snow = [5], water = [{water}] }}
"""


def bits_profile(name: str, water: int = 7) -> Profile:
    """A profile whose mask is a bit field: bit 0 and the value 255 are no data."""
    return parse_profile(_BITS.format(name=name, water=water), f"{name}.toml")


SCL = SENTINEL_2
"""Classes of Sentinel-2's scene classification."""
BITS = bits_profile("bits")
FMASK_A, FMASK_B = bits_profile("a"), bits_profile("b", water=6)
PLAIN = parse_profile('name = "plain"\n[[bands]]\nname = "vv"', "plain.toml")
"""No classes or bits."""
MIXED = joint_profile(["scl", "bits", "plain"], [SCL, BITS, PLAIN])
JOINT_BITS = joint_profile(["a", "b"], [FMASK_A, FMASK_B])
