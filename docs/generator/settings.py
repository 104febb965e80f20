"""settings.md: every setting with type, default, range and meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docs.generator.markdown import code, document, table
from docs.generator.source import field_docstrings
from scog.settings import Settings

INTRODUCTION = """\
scog reads its settings from environment variables when it starts. All are optional. In Python they are keyword
arguments of `scog.Session`, without the prefix and in lower case: `scog.Session(tile_deadline=120)`. An invalid value
stops the start with a message that names the setting. Commands raise some limits: see
[Command line](../guide/command-line.md#exit-status-and-limits). [Operating a server](../guide/operating.md) explains
hosts, caches, limits and reverse proxies. Times are in seconds; MB are 1,000,000 bytes."""
COMPUTED = {"cache_dir": "`$XDG_CACHE_HOME/scog`, else `~/.cache/scog`", "threads": "number of cores"}
"""Defaults that depend on the machine."""
TYPES = {int: "integer", float: "number", str: "text", bool: "`true` or `false`", Path: "path"}


def page() -> str:
    """The page."""
    meanings = field_docstrings(Settings)
    schema = Settings.model_json_schema()["properties"]
    rows = [
        (
            f"`SCOG_{name.upper()}`",
            _type(field.annotation, schema[name]),
            _default(name),
            _range(schema[name]),
            meanings[name],
        )
        for name, field in Settings.model_fields.items()
    ]
    return document("Settings", INTRODUCTION, table(("variable", "type", "default", "range", "meaning"), rows))


def _type(annotation: Any, schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(map(code, schema["enum"]))
    if schema.get("type") == "array":
        return "list, comma-separated"
    kind = next((each for each in TYPES if each is annotation), str)  # also `str | None`
    return TYPES[kind]


def _default(name: str) -> str:
    if name in COMPUTED:
        return COMPUTED[name]
    default = Settings.model_fields[name].get_default(call_default_factory=False)
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    return "-" if default in (None, "") else code(f"{default:g}" if isinstance(default, float) else default)


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f"above {schema['exclusiveMinimum']:g}"
    if low is None:
        return "-"
    return f"from {low}" if high is None else f"{low} to {high}"
