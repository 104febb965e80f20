"""python.md: the public names of `scog` with signatures and docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from typing import Any

import scog
from docs.generator.markdown import code, document, prose, table
from scog.session import Options

INTRODUCTION = """\
The public names of `scog`. [Python](../guide/python.md) shows them in use; [Errors](errors.md) lists the exceptions,
and [Settings](settings.md) the keyword arguments of `Session`. `import scog` loads the rest when it is first used."""
OPTIONS = """\
Keyword arguments of `Session.image`, `point` and `statistics`. They have the names, values and defaults of a
[tile's parameters](http.md#get-tileszxy)."""


def page() -> str:
    """The page."""
    names = sorted(scog.__all__, key=lambda name: (name != "Session", name))
    sections = [_section(name, getattr(scog, name)) for name in names]
    options = [(code(name), code(_annotation(kind))) for name, kind in Options.__annotations__.items()]
    return document("Python API", INTRODUCTION, *sections, "## Options", OPTIONS, table(("option", "type"), options))


def _section(name: str, kind: type) -> str:
    parts = [f"## scog.{name}", prose(inspect.getdoc(kind))]
    if dataclasses.is_dataclass(kind):
        fields = [(code(field.name), code(_annotation(field.type))) for field in dataclasses.fields(kind)]
        parts.append(table(("attribute", "type"), [each for each in fields if not each[0].startswith("`_")]))
    elif "__init__" in vars(kind) and not issubclass(kind, Exception):
        parts.append(_method(name, kind.__init__))
    methods = {
        each: value for each, value in vars(kind).items() if inspect.isfunction(value) and not each.startswith("_")
    }
    parts += [_method(f"{name}.{each}", value) for each, value in methods.items()]
    return "\n\n".join(parts)


def _method(name: str, function: Any) -> str:
    return f"### {name}\n\n```python\n{_signature(name, function)}\n```\n\n{prose(inspect.getdoc(function))}"


def _signature(name: str, function: Any) -> str:
    """The signature on one line, or on a line for each parameter if it is long."""
    signature = inspect.signature(function)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    texts: list[str] = []
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not any(text.startswith("*") for text in texts):
            texts.append("*")
        texts.append(_parameter(each))
    empty = signature.return_annotation is signature.empty or name.count(".") == 0
    returned = "" if empty else f" -> {_annotation(signature.return_annotation)}"
    line = f"{name}({', '.join(texts)}){returned}"
    if len(line) <= 100:
        return line
    lines = textwrap.indent(",\n".join(texts), "    ")
    return f"{name}(\n{lines},\n){returned}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "*" * (parameter.kind is parameter.VAR_POSITIONAL) + "**" * (parameter.kind is parameter.VAR_KEYWORD)
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    return text if parameter.default is parameter.empty else f"{text} = {parameter.default!r}"


def _annotation(annotation: Any) -> str:
    """An annotation as it is written in the source."""
    if isinstance(annotation, str):
        return annotation
    return str(getattr(annotation, "__forward_arg__", None) or getattr(annotation, "__name__", annotation))
