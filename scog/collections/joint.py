"""Several collections that answer as one, such as the two of HLS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from scog.collections.band import Band
from scog.collections.profile import Profile


def joint_profile(collections: Sequence[str], profiles: Sequence[Profile]) -> Profile:
    """The profile of collections with `profiles` in the same order. Equal arguments give the same object.

    It has every band, preset and layer of any of them, those of the first where names are equal. An alias that means
    different bands is ambiguous. Scenes are read by the profile of their own collection.
    """
    if len(profiles) == 1:
        return profiles[0]
    return _joint(tuple(collections), tuple(profiles))


@lru_cache(maxsize=64)
def _joint(collections: tuple[str, ...], profiles: tuple[Profile, ...]) -> Profile:
    distinct = tuple(dict.fromkeys(profiles))
    if len(distinct) == 1:
        return distinct[0]
    bands: dict[str, Band] = {}
    for profile in distinct:
        for band in profile.bands:
            known = bands.setdefault(band.name, band)
            bands[band.name] = replace(known, aliases=tuple(dict.fromkeys((*known.aliases, *band.aliases))))
    first = distinct[0]
    periods = [profile.period_days for profile in distinct]
    return Profile(
        name=" and ".join(dict.fromkeys(profile.name for profile in distinct)),
        title=", ".join(dict.fromkeys(profile.title for profile in distinct)),
        collections=collections,
        attribution="; ".join(dict.fromkeys(profile.attribution for profile in distinct if profile.attribution)),
        bands=_without_ambiguous_aliases(tuple(bands.values()), ambiguous := _ambiguous(distinct)),
        mask=first.mask,
        default_mask=first.default_mask if len({each.default_mask for each in distinct}) == 1 else "default",
        default=_default(distinct),
        presets=tuple({each.name: each for profile in reversed(distinct) for each in profile.presets}.values()),
        layers=tuple({each.name: each for profile in reversed(distinct) for each in profile.layers}.values()),
        period_days=None if None in periods else max(period for period in periods if period is not None),
        static=all(profile.static for profile in distinct),
        cloud_filter=any(profile.cloud_filter for profile in distinct),
        open=any(profile.open for profile in distinct),
        derived=any(profile.derived for profile in distinct),
        source="; ".join(dict.fromkeys(profile.source for profile in distinct)),
        provisional="; ".join(dict.fromkeys(profile.provisional for profile in distinct if profile.provisional)),
        synonyms=_synonyms(distinct, ambiguous),
        ambiguous=ambiguous,
        members=dict(zip(collections, profiles, strict=True)),
    )


def _default(profiles: Sequence[Profile]) -> str:
    """NDVI if it is the default of any, since it needs no collection of its own; else the default of the first."""
    return "ndvi" if any(profile.default == "ndvi" for profile in profiles) else profiles[0].default


def _synonyms(profiles: Sequence[Profile], ambiguous: Mapping[str, str]) -> Mapping[str, str] | None:
    """Canonical names by the names that mean the same band in every item; None if all aliases do."""
    if all(profile.synonyms is None for profile in profiles):
        return None
    names = {name: band for each in reversed(profiles) for name, band in each.names.canonical_names.items()}
    return {name: band for name, band in names.items() if name not in ambiguous}


def _ambiguous(profiles: Sequence[Profile]) -> dict[str, str]:
    """Names in lower case that mean different bands, with an explanation."""
    meanings: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for profile in profiles:
        for band in profile.bands:
            for name in (band.name, *band.aliases):
                meanings[name.lower()].setdefault(band.name, profile.name)
    return {
        name: f"{' and '.join(f'{band} in {profile}' for band, profile in found.items())}; write the band's name"
        for name, found in meanings.items()
        if len(found) > 1 and name not in found
    }


def _without_ambiguous_aliases(bands: tuple[Band, ...], ambiguous: dict[str, str]) -> tuple[Band, ...]:
    return tuple(
        replace(band, aliases=tuple(alias for alias in band.aliases if alias.lower() not in ambiguous))
        for band in bands
    )
