"""The command `scog doctor`: prints one line per finding, or all findings as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from scog.cli.options import add_catalog_option, settings_of

if TYPE_CHECKING:
    from scog.cli.doctor import Finding


def add_command(commands: Any) -> None:
    """Add the command `doctor`."""
    command = commands.add_parser(
        "doctor",
        help="check the catalogue and its files, and measure the network",
        description="Check that the catalogue responds and that its files can be read, and measure the network. "
        "The measurement reads about 4 MB and takes 5 s at most.",
    )
    command.add_argument(
        "--format", choices=("text", "json"), default="text", help="output format (default: %(default)s)"
    )
    add_catalog_option(command)
    command.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> bool:
    """Run the checks. Returns whether all of them passed."""
    from scog.cli.doctor import examine  # imported here because it loads the libraries of remote catalogues

    async def check() -> list[Finding]:
        results = []
        async with aclosing(examine(settings_of(options, is_default=True))) as findings:
            async for finding in findings:
                results.append(finding)
                if options.format == "text":
                    _print(finding)
        return results

    results = asyncio.run(check())
    if options.format == "json":
        print(json.dumps([asdict(finding) | {"hint": _hint(finding)} for finding in results], indent=2))
    return all(finding.well for finding in results)


def _print(finding: Finding) -> None:
    print(f"{'ok  ' if finding.well else 'FAIL'}  {finding.text}", flush=True)
    if hint := _hint(finding):
        print(f"      {hint}", flush=True)


def _hint(finding: Finding) -> str:
    """What to do about a failed check; an empty text for a passed one."""
    return "" if finding.well else finding.hint
