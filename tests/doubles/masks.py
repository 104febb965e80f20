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
names = {{ fill = 0, dilated = 1, cirrus = 2, cloud = 3, shadow = 4, snow = 5, {others} }}
sets = {{ clouds = [1, 2, 3, 4], snow = [5], water = [{water}] }}
"""


def bits_profile(name: str, water: int = 7, water_bit: int = 7) -> Profile:
    """A profile whose mask is a bit field: bit 0 and the value 255 are no data.

    `water` is the bit in the set of that name, `water_bit` the bit with that name; the other one of 6 and 7 is clear.
    """
    others = f"clear = {13 - water_bit}, water = {water_bit}"
    return parse_profile(_BITS.format(name=name, water=water, others=others), f"{name}.toml")


def classes_profile(name: str, **classes: int) -> Profile:
    """A profile whose mask are classes of the band `qa`."""
    listed = ", ".join(f"{each} = {number}" for each, number in classes.items())
    mask = f'[mask]\nband = "qa"\nnames = {{ {listed} }}\nsets = {{ clouds = [{classes["cloud"]}] }}'
    text = f'name = "{name}"\ndefault_mask = "clouds"\n[[bands]]\nname = "qa"\n{mask}'
    return parse_profile(text, f"{name}.toml")


SCL = SENTINEL_2
"""Classes of Sentinel-2's scene classification."""
BITS = bits_profile("bits")
FMASK_A, FMASK_B = bits_profile("a"), bits_profile("b", water=6)
PLAIN = parse_profile('name = "plain"\n[[bands]]\nname = "vv"', "plain.toml")
"""No classes or bits."""
MIXED = joint_profile(["scl", "bits", "plain"], [SCL, BITS, PLAIN])
JOINT_BITS = joint_profile(["a", "b"], [FMASK_A, FMASK_B])
JOINT_CLASSES = joint_profile(
    ["ca", "cb"],
    [
        classes_profile("ca", clear=0, water=1, snow=2, cloud=3, haze=9),
        classes_profile("cb", cloud=0, water=1, snow=2, forest=3),
    ],
)
