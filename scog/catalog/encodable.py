"""Text from JSON that UTF-8 can encode."""

from __future__ import annotations


def encodable(value: object) -> str:
    """A value as text that UTF-8 can encode. JSON may contain lone surrogates, which become question marks."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
