"""Chooses the profile of a collection in a catalogue, and of each of its items."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from scog.collections.built_in import GENERIC, PLATFORMS, built_in, digest, profiles_of
from scog.collections.joint import joint_profile
from scog.collections.profile import Profile

MAX_REMEMBERED = 1024
"""Maximum number of collections, and of sets of asset keys, whose profile is remembered. Requests may name any."""


class Profiles:
    """The profiles of one catalogue.

    `custom` profiles take precedence over those that come with scog, a later one over an earlier one.
    """

    def __init__(self, catalog: str = "", custom: Sequence[Profile] = ()) -> None:
        self._catalog = catalog
        self._custom = tuple(reversed(custom))
        self._candidates: dict[str, tuple[Profile, ...]] = {}
        self._by_keys: dict[tuple[str, tuple[str, ...], str], Profile] = {}
        self._derived: dict[str, Profile] = {}

    @property
    def generic(self) -> Profile:
        """The profile of collections without one. Read when it is first needed."""
        return built_in(GENERIC) or _missing()

    @property
    def digest(self) -> str:
        """Digest of the profiles' documents: scenes that were read with others may have another meaning."""
        return "-".join((digest(), *(profile.digest for profile in self._custom)))

    @property
    def custom(self) -> tuple[Profile, ...]:
        """The profiles that do not come with scog."""
        return self._custom

    def of(self, collection: str) -> Profile:
        """The profile of a collection: one for this catalogue, else one for all, else a derived one, else `generic`."""
        known = next(iter(self.candidates(collection)), None) or self._derived.get(collection)
        return self.generic if known is None else known

    def set_derived(self, collection: str, profile: Profile) -> None:
        """Use a profile that was derived for a collection. Its items are still read with `generic`."""
        self._derived.pop(collection, None)
        if len(self._derived) >= MAX_REMEMBERED:
            del self._derived[next(iter(self._derived))]
        self._derived[collection] = profile

    def derived(self, collection: str) -> Profile | None:
        """The profile that was derived for a collection; None if there is none."""
        return self._derived.get(collection)

    def joint(self, collections: Sequence[str]) -> Profile:
        """The profile of collections that answer as one; `generic` for no collection."""
        return joint_profile(collections, [self.of(each) for each in collections]) if collections else self.generic

    def of_item(self, collection: str, asset_keys: Collection[str], platform: str = "") -> Profile:
        """The profile of an item: that of its collection which fits the keys of its assets, else `generic`.

        `generic` also knows the band codes of the item's platform, such as B04 of Sentinel-2.
        """
        key = collection, tuple(asset_keys), platform
        profile = self._by_keys.get(key)
        if profile is None:
            if len(self._by_keys) >= MAX_REMEMBERED:
                self._by_keys.clear()
            profile = self._by_keys[key] = self._of_item(collection, asset_keys, platform.lower())
        return profile

    def candidates(self, collection: str) -> tuple[Profile, ...]:
        """The profiles that may describe a collection, best first: custom ones, those of this catalogue, all others."""
        found = self._candidates.get(collection)
        if found is None:
            if len(self._candidates) >= MAX_REMEMBERED:
                self._candidates.clear()
            known = (*(each for each in self._custom if collection in each.collections), *profiles_of(collection))
            found = self._candidates[collection] = tuple(sorted(known, key=self._rank))
        return found

    def _rank(self, profile: Profile) -> tuple[bool, int]:
        """Rank of a profile, lowest is best: custom ones first; then those for this catalogue, for all, for others."""
        is_here = any(part in self._catalog for part in profile.catalogs)
        return profile not in self._custom, 0 if is_here else 1 if not profile.catalogs else 2

    def _of_item(self, collection: str, asset_keys: Collection[str], platform: str) -> Profile:
        fitting = [profile for profile in self.candidates(collection) if profile.holds_any(asset_keys)]
        custom = [profile for profile in fitting if profile in self._custom]
        if custom:
            return custom[0]
        # `max` returns the first of equals, and the candidates are sorted by preference.
        best = max(fitting, key=lambda profile: profile.fit(asset_keys), default=None)
        return self._generic_for(platform) if best is None else best

    def _generic_for(self, platform: str) -> Profile:
        """The generic profile, with the band codes of a platform."""
        name = next((name for prefix, name in PLATFORMS.items() if platform.startswith(prefix)), None)
        known = None if name is None else built_in(name)
        if known is None:
            return self.generic
        codes = {band.name: band.aliases for band in known.bands if band.spectral}
        bands = (replace(band, aliases=(*band.aliases, *codes.get(band.name, ()))) for band in self.generic.bands)
        return replace(self.generic, bands=tuple(bands))


def _missing() -> Profile:
    raise RuntimeError(f"the profile {GENERIC} is missing from the installation")
