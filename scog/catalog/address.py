"""Names and locations of catalogues: `pc=https://example.org/stac`, or a location alone, whose name is derived."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from scog.errors import InvalidInput

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names that may follow `@` in `collection`, and precede `=` in an address."""
KNOWN_HOSTS = {
    "earth-search.aws.element84.com": "earth-search",
    "planetarycomputer.microsoft.com": "planetary-computer",
}
"""Names of catalogues by the host of their URL."""
VALID_ADDRESS = "the URL of a STAC API or the folder of a local archive, with a name if you like: NAME=URL_OR_FOLDER"


@dataclass(frozen=True)
class CatalogAddress:
    """The name of a catalogue, and its location: the URL of a STAC API or the folder of a local archive."""

    name: str
    location: str

    @property
    def folder(self) -> Path | None:
        """The folder of a local archive; None for a STAC API."""
        return None if "://" in self.location else Path(self.location)


def parse_addresses(texts: Sequence[str]) -> tuple[CatalogAddress, ...]:
    """The addresses of all catalogues, in the given order, with unique names.

    A name is what precedes the first `=`, if that has no other characters than letters, digits, `.`, `_` and `-`: write
    `./a=b` for a folder `a=b`. Without one it is derived from the host or the folder, and numbered if it is taken.

    Raises InvalidInput if there is no catalogue, or if a location or a given name occurs twice.
    """
    pairs = [_split(text) for text in texts]
    if not pairs or not all(location for _, location in pairs):
        raise InvalidInput("A catalogue has no location.", parameter="catalog", valid=VALID_ADDRESS)
    given = [name for name, _ in pairs if name]
    for what, values in (("name", given), ("location", [location.rstrip("/") for _, location in pairs])):
        repeated = next((value for value in values if values.count(value) > 1), None)
        if repeated is not None:
            message = f"Two catalogues have the {what} {repeated!r}."
            raise InvalidInput(message, parameter="catalog", valid="each catalogue once, with a name of its own")
    taken = set(given)
    addresses = []
    for name, location in pairs:
        if not name:
            name = _unique(derived_name(location), taken)
            taken.add(name)
        addresses.append(CatalogAddress(name, location))
    return tuple(addresses)


def derived_name(location: str) -> str:
    """The name of a catalogue whose address has none: of its host or its folder."""
    if "://" in location:
        try:
            host = urlsplit(location).hostname or ""
        except ValueError:  # an invalid IPv6 address; opening the catalogue reports it
            host = ""
        name = KNOWN_HOSTS.get(host, host)
    else:
        name = Path(location).absolute().name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64] or "catalogue"


def default_collection(collection: str | None, addresses: Sequence[CatalogAddress]) -> str | None:
    """The ids of the default collections, separated by commas, each of which may be given as `ID@CATALOGUE`.

    Raises InvalidInput if one is of another catalogue than the first.
    """
    names = {address.name for address in addresses}
    ids = []
    for part in (collection or "").split(","):
        name, at, catalog = part.strip().rpartition("@")
        if at and catalog in names - {addresses[0].name}:
            message = f"The default collection {part.strip()!r} is not of the first catalogue, {addresses[0].name}."
            raise InvalidInput(message, parameter="collection", valid=f"give the catalogue {catalog} first")
        ids.append(name if at and catalog == addresses[0].name else part.strip())
    return ",".join(filter(None, ids)) or None


def _split(text: str) -> tuple[str, str]:
    """The given name, empty if there is none, and the location."""
    name, equals, location = text.strip().partition("=")
    return (name, location.strip()) if equals and NAME.fullmatch(name) else ("", text.strip())


def _unique(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
