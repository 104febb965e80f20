"""cli.md: every command with its arguments and options."""

from __future__ import annotations

import argparse
import re

from docs.generator.markdown import code, document, sentence, table
from scog.cli import argument_parser

INTRODUCTION = """\
`scog COMMAND`, or `.venv/bin/python -m scog COMMAND` in a clone. Examples, exit status and limits:
[Command line](../guide/command-line.md)."""


def page() -> str:
    """The page."""
    parser = argument_parser()
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    helps = {choice.dest: choice.help or "" for choice in commands._choices_actions}
    sections = [_section(name, command, helps[name]) for name, command in commands.choices.items()]
    return document("Command line reference", INTRODUCTION, *sections)


def _section(name: str, parser: argparse.ArgumentParser, about: str) -> str:
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    rows = [(_names(action), _required(action), _help(parser, action)) for action in actions]
    text = sentence(parser.description or about)
    return f"## scog {name}\n\n{text}\n\n{table(('argument', 'default', 'meaning'), rows)}"


def _names(action: argparse.Action) -> str:
    value = _value(action)
    if not action.option_strings:
        return code(value)
    return ", ".join(code(f"{option} {value}".strip()) for option in action.option_strings)


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    name = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
    text = " ".join(name) if isinstance(name, tuple) else str(name)
    return f"[{text}]" if action.nargs == "?" else text


def _required(action: argparse.Action) -> str:
    if action.required:
        return "required"
    if action.default is None or action.default is False or action.default == argparse.SUPPRESS:
        return "-"
    return code(f"{action.default:g}" if isinstance(action.default, float) else action.default)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """The help text without the default, which has its own column."""
    if not action.help:
        return ""
    text = parser._get_formatter()._expand_help(action)
    return re.sub(rf" ?\(?default: {re.escape(str(action.default))}\)?$", "", text)
