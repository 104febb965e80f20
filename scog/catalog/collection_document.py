"""What a STAC Collection document says of its collection: attribution and named renders."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def attribution_of(document: Mapping[str, Any]) -> str:
    """Attribution by a collection's document: its providers and license; empty if it names no provider."""
    providers = document.get("providers")
    listed = [provider for provider in providers if isinstance(provider, dict)] if isinstance(providers, list) else []
    owners = [provider for provider in listed if {"licensor", "producer"} & set(_roles(provider))] or listed
    names = [str(provider["name"]).strip() for provider in owners if provider.get("name")]
    if not names:
        return ""
    license_ = str(document.get("license") or "")
    is_specific = license_ not in ("", "other", "various", "proprietary")
    return ", ".join(dict.fromkeys(names)) + (f" ({license_})" if is_specific else "")


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
    return [
        Render(
            name=str(name)[:40],
            title=title if isinstance(title := render.get("title"), str) and title else str(name)[:40],
            assets=tuple(assets),
            ranges=ranges_of(render.get("rescale")),
            colormap=colormap if isinstance(colormap := render.get("colormap_name"), str) else "",
        )
        for name, render in (renders.items() if isinstance(renders, dict) else ())
        if isinstance(render, dict)
        and isinstance(assets := render.get("assets"), list)
        and all(isinstance(each, str) for each in assets)
    ]


def ranges_of(rescale: object) -> tuple[tuple[float, float], ...]:
    """Display ranges from JSON: a list of pairs, or one pair; empty if it is neither."""
    pairs = rescale if isinstance(rescale, list) else []
    if len(pairs) == 2 and all(isinstance(each, int | float) for each in pairs):
        pairs = [pairs]
    ranges = tuple((float(pair[0]), float(pair[1])) for pair in pairs if _is_range(pair))
    return ranges if len(ranges) == len(pairs) else ()


def _is_range(pair: object) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each) for each in pair)
        and pair[0] < pair[1]
    )
