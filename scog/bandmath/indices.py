"""Spectral indices: formula, reference, default display range and colormap, by name.

The table holds every index of Awesome Spectral Indices (`scog.bandmath.published`) that can be computed from
Sentinel-2's bands or Sentinel-1's, with some corrections (`scog.bandmath.corrections`). The catalogue and each index
are loaded on first use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from scog.bandmath.corrections import CONSTANTS, FORMULAS, NAMES, REFERENCES
from scog.bandmath.curated import BEST_KNOWN as BEST_KNOWN
from scog.bandmath.curated import CURATED, UNBOUNDED
from scog.bandmath.defaults import COLORMAPS, default_colormap, default_range
from scog.bandmath.expression import Expression, parse
from scog.bandmath.published import Published, constants, published
from scog.collections.band_names import ANY_NAMES, BandNames
from scog.collections.profile import Profile
from scog.errors import InvalidInput
from scog.suggest import did_you_mean, quoted

DOMAINS: tuple[str, ...] = tuple(COLORMAPS)
"""Application domains of indices."""

_BANDS: Mapping[str, str] = MappingProxyType(
    {
        "A": "coastal",
        "B": "blue",
        "G": "green",
        "R": "red",
        "RE1": "rededge1",
        "RE2": "rededge2",
        "RE3": "rededge3",
        "N": "nir",
        "N2": "nir08",
        "WV": "nir09",
        "S1": "swir16",
        "S2": "swir22",
        "VV": "vv",
        "VH": "vh",
        "HH": "hh",
        "HV": "hv",
    }
)
"""The catalogue's band symbols to canonical band names. Backscatter is linear power.

The thermal bands (T, T1, T2) are left out: the catalogue does not state their unit. Most publications use digital
numbers or scaled temperatures; with kelvin, such as in (S1 - T) / (S1 + T), only the temperature would remain.
"""


@dataclass(frozen=True, slots=True)
class Index:
    """A spectral index.

    name       in URLs; lower case, except for two that differ from a better-known index only in case
    title      display name
    formula    canonical text of the expression
    reference  URL or citation of the publication
    rescale    values of the first and the last colour
    colormap   name as in TiTiler
    domain     application domain, one of DOMAINS
    bands      canonical names of the required bands, in order of first use
    aliases    other names, in lower case
    """

    name: str
    title: str
    formula: str
    reference: str
    rescale: tuple[float, float]
    colormap: str
    domain: str
    bands: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    @property
    def expression(self) -> Expression:
        """The formula, parsed."""
        return parse(self.formula, ANY_NAMES)


class _Indices(Mapping[str, Index]):
    """Lazy mapping of names to indices: indices are built on first access and cached; names and length are cheap."""

    def __getitem__(self, name: str) -> Index:
        return _index(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_sources())

    def __len__(self) -> int:
        return len(_sources())


INDICES: Mapping[str, Index] = _Indices()
"""Name to index: the best-known indices first, then all others in alphabetical order."""


def find(name: str) -> Index | None:
    """The index with a name or alias, in any case, or None. If two differ only in case, the exact spelling decides."""
    spellings = _spellings()
    canonical = spellings.get(name) or spellings.get(name.lower())
    return None if canonical is None else INDICES[canonical]


def get(name: str) -> Index:
    """As `find`, but raises InvalidInput for an unknown name, with similar names as suggestions."""
    index = find(name)
    if index is None:
        raise InvalidInput(
            f"there is no index {quoted(name)}{did_you_mean(name, _spellings(), BEST_KNOWN)}",
            parameter="index",
            valid=f"one of the {len(INDICES)} listed by /indices, such as {', '.join(BEST_KNOWN[:3])} or ndwi",
        )
    return index


def search(profile: Profile, text: str = "", domain: str | None = None) -> tuple[Index, ...]:
    """Indices of a collection that match every word of a text, best match first.

    A word may be in name, title, domain or bands (`B8A`, `nir08`).

    Ranking of a word: whole name, prefix of a name, prefix of a title word, prefix of the domain, band, any part of a
    name or title; ties keep the order of the table. An empty text matches every index of the domain, or all.
    Raises InvalidInput for an unknown domain.
    """
    if domain is not None and domain.lower() not in DOMAINS:
        message = f"there is no domain {quoted(domain)}{did_you_mean(domain, DOMAINS)}"
        raise InvalidInput(message, parameter="domain", valid=f"one of {', '.join(DOMAINS)}")
    words = text.lower().split()
    ranked = []
    for index in INDICES.values():
        if profile.has_bands(index.bands) and (domain is None or index.domain == domain.lower()):
            ranks = [_rank(index, word, profile.names) for word in words]
            if None not in ranks:
                ranked.append((sum(rank for rank in ranks if rank is not None), index))
    return tuple(index for _, index in sorted(ranked, key=lambda each: each[0]))


def _rank(index: Index, word: str, bands: BandNames) -> int | None:
    """Rank of the match of a lower-case word, 0 is best; None if it does not match."""
    names = (index.name.lower(), *index.aliases)
    title = index.title.lower()
    matches = (
        word in names,
        any(name.startswith(word) for name in names),
        any(part.startswith(word) for part in re.findall(r"\w+", title)),
        index.domain.startswith(word),
        bands.find(word) in index.bands,
        any(word in name for name in names) or word in title,
    )
    return matches.index(True) if any(matches) else None


@lru_cache(maxsize=1)
def _sources() -> Mapping[str, Published]:
    """Name to catalogue entry of every index that needs only known bands, in the order of the table."""
    available = _BANDS.keys() | constants().keys()
    usable = {
        NAMES.get(source.name, source.name.lower()): source
        for source in published().values()
        if available.issuperset(source.symbols)
    }
    order = (*BEST_KNOWN, *sorted(usable.keys() - CURATED.keys(), key=lambda name: (name.lower(), name)))
    return MappingProxyType({name: usable[name] for name in order})


@lru_cache(maxsize=1)
def _spellings() -> Mapping[str, str]:
    """Every accepted spelling (the catalogue's names, aliases, our names) to the name of the index."""
    sources = _sources().items()
    return MappingProxyType(
        {source.name: name for name, source in sources}
        | {alias: name for name, source in sources for alias in _aliases(name, source)}
        | {name: name for name, _ in sources}
    )


def _aliases(name: str, source: Published) -> tuple[str, ...]:
    """The catalogue's name in lower case, if the index's name in scog differs in more than case."""
    return () if source.name.lower() == name.lower() else (source.name.lower(),)


@lru_cache(maxsize=512)
def _index(name: str) -> Index:
    """Build an index. Raises KeyError for a name that is not in the table."""
    source = _sources()[name]
    corrected = CONSTANTS.get(source.name, {})
    values = {**constants(), **corrected}

    def substitute(symbol: re.Match[str]) -> str:
        return _BANDS.get(symbol[0]) or repr(values[symbol[0]])

    text = FORMULAS.get(source.name, source.formula)
    expression = parse(re.sub(r"\b[A-Za-z]\w*", substitute, text), ANY_NAMES)
    rescale, colormap = (
        CURATED.get(name)
        or UNBOUNDED.get(name)
        or (
            default_range(expression, source.domain),
            default_colormap(expression, source.domain),
        )
    )
    note = ", ".join(f"{constant} = {value:g}" for constant, value in corrected.items())
    return Index(
        name=name,
        title=f"{source.title} ({note})" if note else source.title,
        formula=expression.text,
        reference=REFERENCES.get(source.name, source.reference),
        rescale=rescale,
        colormap=colormap,
        domain=source.domain,
        bands=expression.bands,
        aliases=_aliases(name, source),
    )
