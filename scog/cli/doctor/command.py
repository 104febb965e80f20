"""`scog doctor` at a prompt: one line a finding, or all of them as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from scog.cli.options import add_catalog, settings_of

if TYPE_CHECKING:
    from scog.cli.doctor import Finding


def add_to(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "doctor",
        help="check that the catalogue answers and its pixels can be read, and measure the line",
        description="Check the catalogue and its pixels, and measure the line with some 4 MB in 5 s at most.",
    )
    command.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")
    add_catalog(command)
    command.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> bool:
    """Whether all is well."""
    from scog.cli.doctor import examine  # loads what speaks to a catalogue, which a local archive does without

    async def check() -> list[Finding]:
        found = []
        async with aclosing(examine(settings_of(options))) as findings:
            async for finding in findings:
                found.append(finding)
                if options.format == "text":
                    _print(finding)
        return found

    found = asyncio.run(check())
    if options.format == "json":
        print(json.dumps([asdict(finding) | {"hint": _hint(finding)} for finding in found], indent=2))
    return all(finding.well for finding in found)


def _print(finding: Finding) -> None:
    print(f"{'ok  ' if finding.well else 'FAIL'}  {finding.text}", flush=True)
    if hint := _hint(finding):
        print(f"      {hint}", flush=True)


def _hint(finding: Finding) -> str:
    """What to do; nothing where all is well."""
    return "" if finding.well else finding.hint
