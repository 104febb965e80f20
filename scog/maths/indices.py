"""Named formulas with their source, and the look that shows them best.

They are all those of the catalogue Awesome Spectral Indices (`scog.maths.published`) that Sentinel-2's bands are enough
for, with a few corrections (`scog.maths.corrections`). The catalogue is read when somebody first asks for an index, and
each index is made when it is asked for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from scog.bands import CANONICAL
from scog.errors import InvalidInput
from scog.maths.corrections import CONSTANTS, FORMULAS, NAMES, REFERENCES
from scog.maths.curated import BEST_KNOWN as BEST_KNOWN
from scog.maths.curated import CURATED, UNRULY
from scog.maths.defaults import COLORMAPS, default_colormap, default_range
from scog.maths.expression import Expression, parse
from scog.maths.published import Published, constants, published
from scog.suggest import did_you_mean, quoted

DOMAINS: tuple[str, ...] = tuple(COLORMAPS)
"""What indices are for."""

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
    }
)
"""The catalogue's symbols of the bands that Sentinel-2 has, to ours."""


@dataclass(frozen=True, slots=True)
class Index:
    """A named, cited expression.

    name       as in a URL, lower case (but for two that differ from a better known one by their case only)
    title      for people
    formula    over canonical band names, as `parse` writes it
    reference  URL of the publication, or its citation
    rescale    values shown by the first and the last colour
    colormap   as TiTiler names it
    domain     what it is for, one of DOMAINS
    bands      canonical names of the bands it needs, in the order of their first use
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
        return parse(self.formula)


class _Indices(Mapping[str, Index]):
    """The table. Its length and its names cost little; an index is made when it is first asked for, and then kept."""

    def __getitem__(self, name: str) -> Index:
        return _index(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_sources())

    def __len__(self) -> int:
        return len(_sources())


INDICES: Mapping[str, Index] = _Indices()
"""Name to index: first the best known, then all others by the alphabet."""


def get(name: str) -> Index:
    """The index of that name or alias, in any case; where two differ in case only, the one that is spelled so.

    Raises InvalidInput for a name that is not in the table, with those that come near.
    """
    known = _spellings()
    found = known.get(name) or known.get(name.lower())
    if found is None:
        raise InvalidInput(
            f"there is no index {quoted(name)}{did_you_mean(name, known, BEST_KNOWN)}",
            parameter="index",
            valid=f"one of the {len(INDICES)} that /indices lists, such as {', '.join(BEST_KNOWN[:3])} or ndwi",
        )
    return INDICES[found]


def search(text: str = "", domain: str | None = None) -> tuple[Index, ...]:
    """The indices that have every word of a text in name, title, domain or bands (`B8A` or `nir08`), best match first.

    A name counts more than the beginning of one, that more than a word of the title, then domain, band, and any part
    of a name or title; equals stay in the order of the table. An empty text finds all of a domain, or simply all.

    Raises InvalidInput for an unknown domain.
    """
    if domain is not None and domain.lower() not in DOMAINS:
        what = f"there is no domain {quoted(domain)}{did_you_mean(domain, DOMAINS)}"
        raise InvalidInput(what, parameter="domain", valid=f"one of {', '.join(DOMAINS)}")
    words = text.lower().split()
    ranked = []
    for index in INDICES.values():
        if domain is None or index.domain == domain.lower():
            ranks = [_rank(index, word) for word in words]
            if None not in ranks:
                ranked.append((sum(rank for rank in ranks if rank is not None), index))
    return tuple(index for _, index in sorted(ranked, key=lambda each: each[0]))


def _rank(index: Index, word: str) -> int | None:
    """How well a word in lower case fits, 0 best; None if it does not."""
    names = (index.name.lower(), *index.aliases)
    title = index.title.lower()
    fits = (
        word in names,
        any(name.startswith(word) for name in names),
        any(part.startswith(word) for part in re.findall(r"\w+", title)),
        index.domain.startswith(word),
        CANONICAL.get(word) in index.bands,
        any(word in name for name in names) or word in title,
    )
    return fits.index(True) if any(fits) else None


@lru_cache(maxsize=1)
def _sources() -> Mapping[str, Published]:
    """Our name to what the catalogue has, of all that Sentinel-2 is enough for, in the order of the table."""
    known = _BANDS.keys() | constants().keys()
    usable = {
        NAMES.get(source.name, source.name.lower()): source
        for source in published().values()
        if known.issuperset(source.symbols)
    }
    order = (*BEST_KNOWN, *sorted(usable.keys() - CURATED.keys(), key=lambda name: (name.lower(), name)))
    return MappingProxyType({name: usable[name] for name in order})


@lru_cache(maxsize=1)
def _spellings() -> Mapping[str, str]:
    """Everything an index may be called, to its name: as the catalogue spells it, aliases, and names."""
    sources = _sources().items()
    return MappingProxyType(
        {source.name: name for name, source in sources}
        | {alias: name for name, source in sources for alias in _aliases(name, source)}
        | {name: name for name, _ in sources}
    )


def _aliases(name: str, source: Published) -> tuple[str, ...]:
    """The catalogue's name, where ours is another one altogether."""
    return () if source.name.lower() == name.lower() else (source.name.lower(),)


@lru_cache(maxsize=512)
def _index(name: str) -> Index:
    """Raises KeyError for a name that is not in the table."""
    source = _sources()[name]
    own = CONSTANTS.get(source.name, {})
    values = {**constants(), **own}

    def written(symbol: re.Match[str]) -> str:
        return _BANDS.get(symbol[0]) or repr(values[symbol[0]])

    text = FORMULAS.get(source.name, source.formula)
    expression = parse(re.sub(r"\b[A-Za-z]\w*", written, text))
    rescale, colormap = (
        CURATED.get(name)
        or UNRULY.get(name)
        or (
            default_range(expression, source.domain),
            default_colormap(expression, source.domain),
        )
    )
    told = ", ".join(f"{constant} = {value:g}" for constant, value in own.items())
    return Index(
        name=name,
        title=f"{source.title} ({told})" if told else source.title,
        formula=expression.text,
        reference=REFERENCES.get(source.name, source.reference),
        rescale=rescale,
        colormap=colormap,
        domain=source.domain,
        bands=expression.bands,
        aliases=_aliases(name, source),
    )
