"""What a STAC Collection document says of its collection: attribution and named renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scog.catalog.encodable import encodable
from scog.geo.outline import is_finite

MAX_PROVIDERS = 8
UNSUPPORTED = ("expression", "bidx", "colormap", "algorithm")
"""Members of a render that change what it shows and are not read here. A render with any of them is left out."""


def attribution_of(document: Mapping[str, Any]) -> str:
    """Attribution by a collection's document: its providers and license; empty if it names no provider."""
    providers = document.get("providers")
    listed = [provider for provider in providers if isinstance(provider, dict)] if isinstance(providers, list) else []
    owners = [provider for provider in listed if {"licensor", "producer"} & set(_roles(provider))] or listed
    names = [encodable(provider["name"]).strip()[:80] for provider in owners if provider.get("name")]
    if not names:
        return ""
    license_ = encodable(document.get("license") or "")[:40]
    is_specific = license_ not in ("", "other", "various", "proprietary")
    return ", ".join(dict.fromkeys(names[:MAX_PROVIDERS])) + (f" ({license_})" if is_specific else "")


def _roles(provider: Mapping[str, Any]) -> list[str]:
    roles = provider.get("roles")
    return [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []


@dataclass(frozen=True)
class Render:
    """A render of the render extension (https://github.com/stac-extensions/render).

    assets    keys of the assets that it shows
    ranges    display ranges, one for all outputs or one for each; empty if it has none
    colormap  name of a colormap; empty if it has none
    """

    name: str
    title: str
    assets: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...]
    colormap: str


def renders_of(document: Mapping[str, Any]) -> list[Render]:
    """The renders of a collection or of an item's properties. Those that do not conform are left out."""
    renders = document.get("renders")
    listed = renders.items() if isinstance(renders, dict) else ()
    return [
        each for name, render in listed if isinstance(render, dict) and (each := _render(encodable(name)[:40], render))
    ]


def _render(name: str, render: Mapping[str, Any]) -> Render | None:
    """A render; None if it does not conform, or shows more than its assets' values."""
    assets = render.get("assets")
    is_valid = name.strip() and isinstance(assets, list) and all(isinstance(each, str) for each in assets)
    if not is_valid or any(render.get(member) for member in UNSUPPORTED):
        return None
    title, colormap = render.get("title"), render.get("colormap_name")
    return Render(
        name=name,
        title=encodable(title)[:80] if isinstance(title, str) and title else name,
        assets=tuple(assets or ()),
        ranges=ranges_of(render.get("rescale")),
        colormap=colormap if isinstance(colormap, str) else "",
    )


def ranges_of(rescale: object) -> tuple[tuple[float, float], ...]:
    """Display ranges from JSON: a list of pairs, or one pair; empty if it is neither."""
    pairs = rescale if isinstance(rescale, list) else []
    if len(pairs) == 2 and all(map(is_finite, pairs)):
        pairs = [pairs]
    ranges = tuple((float(pair[0]), float(pair[1])) for pair in pairs if _is_range(pair))
    return ranges if len(ranges) == len(pairs) else ()


def _is_range(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(map(is_finite, pair)) and pair[0] < pair[1]
