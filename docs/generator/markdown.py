"""Markdown from values: tables, code, and docstrings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

NOTE = "*Generated from the code by `make reference`; do not edit.*"


def document(title: str, *parts: str) -> str:
    """A page: title, note, and parts separated by blank lines. Empty parts are left out."""
    return "\n\n".join([f"# {title}", NOTE, *(part for part in parts if part)]) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty if there are no rows. Bars and line breaks in cells are escaped."""
    lines = [f"| {' | '.join(cell(text) for text in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}", *lines])


def cell(text: str) -> str:
    """Text as one line of a table; `-` if it is empty."""
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|") or "-"


def code(value: object) -> str:
    """A value as inline code; `true` and `false` as JSON has them."""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def sentence(text: str) -> str:
    """The text with a capital first letter and a final full stop."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if not text or text.endswith('.') else '.'}"


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: paragraphs, and indented or aligned lines as code blocks."""
    paragraphs = re.split(r"\n\s*\n", textwrap.dedent(docstring or "").strip("\n"))
    return "\n\n".join(
        f"```text\n{each}\n```" if re.search(r"^ |\S {2,}\S", each, re.MULTILINE) else each for each in paragraphs
    )
