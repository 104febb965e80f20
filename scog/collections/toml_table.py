"""A table of a TOML document, whose values are checked as they are read. Errors name file and key."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from scog.errors import InvalidInput
from scog.suggest import did_you_mean, quoted

T = TypeVar("T")
REQUIRED = object()
"""Default of a key that must be given."""


class Table:
    """A table of the document. `close` raises InvalidInput for a key that nothing has read."""

    def __init__(self, values: Mapping[str, Any], source: str, path: str) -> None:
        self._values = values
        self.source = source
        self._path = path
        self._read: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def invalid(self, key: str, message: str, valid: str) -> InvalidInput:
        """An error that names the key and says what would be valid."""
        where = f"{self._path}.{key}" if self._path and key else self._path or key
        return InvalidInput(f"{self.source}: {where}: {message}.", parameter="collections", valid=valid)

    def close(self) -> None:
        """Raise InvalidInput if the table has a key that was not read."""
        unknown = self._values.keys() - set(self._read)
        if unknown:
            key = min(unknown)
            raise self.invalid(key, f"unknown key{did_you_mean(key, self._read)}", ", ".join(self._read))

    def _get(self, key: str, kind: type[T] | tuple[type, ...], name: str, default: Any) -> Any:
        self._read.append(key)
        if key not in self._values:
            if default is REQUIRED:
                raise self.invalid(key, "missing", name)
            return default
        value = self._values[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.invalid(key, f"{quoted(str(value))} is not {name}", name)
        return value

    def text(self, key: str, default: Any = "") -> str:
        """A text. With REQUIRED as default, it must be given and not be empty."""
        value: str = self._get(key, str, "text", default)
        if default is REQUIRED and not value:
            raise self.invalid(key, "empty", "text")
        return value

    def choice(self, key: str, choices: Collection[str]) -> str:
        """One of several texts; empty if it is not given."""
        value = self.text(key)
        if value and value not in choices:
            raise self.invalid(key, f"{quoted(value)} is unknown{did_you_mean(value, choices)}", " or ".join(choices))
        return value

    def is_text(self, key: str, text: str) -> bool:
        """Whether the value is this text. If so, the key counts as read."""
        if self._values.get(key) != text:
            return False
        self._read.append(key)
        return True

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        return bool(self._get(key, bool, "true or false", default))

    def number(self, key: str) -> float | None:
        """A finite number; None if it is not given."""
        value = self._get(key, (int, float), "a number", None)
        if value is None:
            return None
        number = _finite(value)
        if number is None:
            raise self.invalid(key, f"{quoted(str(value))} is not a number", "a finite number")
        return number

    def integer(self, key: str, default: Any = None) -> int | None:
        """An integer."""
        value: int | None = self._get(key, int, "an integer", default)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text."""
        value = self._get(key, (list, str), "text or a list of texts", ())
        values = (value,) if isinstance(value, str) else tuple(value)
        if not all(isinstance(each, str) and each for each in values):
            raise self.invalid(key, "an entry is not text", "text or a list of texts")
        return values

    def pair(self, value: Any, key: str) -> tuple[float, float]:
        """A range: two finite numbers, the lower first."""
        low, high = (_finite(each) for each in value) if isinstance(value, list) and len(value) == 2 else (None, None)
        if low is None or high is None or low >= high:
            raise self.invalid(key, "not a range", "two numbers, the lower first, such as [0, 0.3]")
        return low, high

    def range(self, key: str) -> tuple[float, float]:
        """A range; 0 to 1 if it is not given."""
        return self.pair(self._get(key, list, "a range", [0, 1]), key)

    def pairs(self, key: str) -> tuple[tuple[float, float], ...]:
        """A list of ranges."""
        return tuple(self.pair(each, key) for each in self._get(key, list, "a list of ranges", []))

    def list(self, key: str) -> list[Any]:
        """A list; empty if it is not given."""
        value: list[Any] = self._get(key, list, "a list", [])
        return value

    def tables(self, key: str) -> Iterable[Table]:
        """The tables of a list."""
        for number, each in enumerate(self.list(key), start=1):
            yield self.table(each, f"{key}[{number}]")

    def table(self, value: Any, path: str) -> Table:
        """A value as a table, at a path of keys."""
        if not isinstance(value, dict):
            raise self.invalid(path, "not a table", "a table of keys and values")
        return Table(value, self.source, f"{self._path}.{path}" if self._path else path)

    def subtable(self, key: str) -> Table | None:
        """A table; None if it is not given."""
        value = self._get(key, dict, "a table", None)
        return None if value is None else self.table(value, key)

    def items(self) -> Iterable[tuple[str, Any]]:
        """All keys and values. They count as read."""
        self._read += list(self._values)
        return self._values.items()


def _finite(value: object) -> float | None:
    """A finite number; None for anything else."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:  # TOML's integers are of any size
        number = math.nan
    return number if math.isfinite(number) else None
