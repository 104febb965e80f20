"""The profiles that come with scog, one TOML file each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

from scog.collections.profile import Profile
from scog.collections.profile_toml import parse_profile

FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sentinel-2-l2a": ("sentinel-2-l2a", "sentinel-2-l2a-planetary-computer"),
        "sentinel-2-c1-l2a": ("sentinel-2-c1-l2a",),
        "sentinel-s2-l2a-cogs": ("sentinel-s2-l2a-cogs",),
        "sentinel-2-l1c": ("sentinel-2-l1c",),
        "landsat-c2-l2": ("landsat-c2-l2",),
        "hls2-s30": ("hls-s30",),
        "HLSS30_2.0": ("hls-s30",),
        "HLSS30.v2.0": ("hls-s30",),
        "hls2-l30": ("hls-l30",),
        "HLSL30_2.0": ("hls-l30",),
        "HLSL30.v2.0": ("hls-l30",),
        "sentinel-1-rtc": ("sentinel-1-rtc",),
        "cop-dem-glo-30": ("cop-dem-glo-30",),
        "cop-dem-glo-90": ("cop-dem-glo-90",),
        "naip": ("naip",),
    }
)
"""Names of profiles by the id of a collection that they describe. Files are parsed when they are first needed."""
PLATFORMS: Mapping[str, str] = MappingProxyType({"sentinel-2": "sentinel-2-l2a"})
"""Start of a platform's name to the profile with its band codes, for platforms whose codes never changed."""
GENERIC = "stac"
"""Name of the profile for collections without one: STAC's own words."""


@lru_cache
def built_in(name: str) -> Profile | None:
    """The profile of a name, or None."""
    file = Path(__file__).parent / f"{name}.toml"
    if name not in names():
        return None
    return parse_profile(file.read_text(encoding="utf-8"), f"scog/{name}.toml", built_in)


def unit_of(name: str) -> str:
    """The unit of bands with a standard name, such as `reflectance`; empty for other names."""
    generic = built_in(GENERIC)
    band = None if generic is None else generic.by_name.get(name)
    return "" if band is None else band.unit


@lru_cache
def digest() -> str:
    """Digest of all profiles: what was read with others has another meaning."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return blake2b("".join(file.read_text("utf-8") for file in files).encode(), digest_size=8).hexdigest()


def names() -> tuple[str, ...]:
    """Names of all built-in profiles."""
    return tuple(dict.fromkeys((*(name for each in FILES.values() for name in each), GENERIC)))


def profiles_of(collection: str) -> tuple[Profile, ...]:
    """The built-in profiles that describe a collection."""
    return tuple(profile for name in FILES.get(collection, ()) if (profile := built_in(name)) is not None)
