"""The command line: `scog serve`, `demo`, `tile`, `sheet`, `crop`, `stats`, `series`, `animate`, `search`, `doctor`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from scog import __version__
from scog.cli import animate, crop, drawing, search, series, serve, stats
from scog.cli.doctor import command as doctor_command
from scog.cli.options import print_status
from scog.errors import InvalidInput, ScogError

SIGNED_OPTIONS = ("--bbox", "--rescale", "--classes")
"""Options with values that may begin with a minus sign."""
_NEGATIVE_BBOX = re.compile(r"-[\d.]+(,-?[\d.]+){3}", re.ASCII)
"""A bounding box that begins with a minus sign."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status: 0 for success, 1 for failure, 2 for invalid arguments."""
    options = argument_parser().parse_args(_join_values(sys.argv[1:] if arguments is None else arguments))
    try:
        if options.run(options) is False:
            return 1
    except InvalidInput as error:
        message = _with_full_stop(str(error))
        print_status(f"scog: {message}" + (f" Valid: {error.valid}." if error.valid else ""))
        return 2
    except ValidationError as error:
        details = error.errors()[0]
        print_status(f"scog: setting {'.'.join(map(str, details['loc']))}: {details['msg']}")
        return 2
    except ScogError as error:
        print_status(f"scog: {_with_full_stop(str(error))}")
        return 1
    except OSError as error:
        print_status(f"scog: {error.filename}: {error.strerror}" if error.filename else f"scog: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _with_full_stop(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."


def argument_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="scog", description="Maps, statistics and time series from satellite COGs, read where they are stored."
    )
    parser.add_argument("--version", action="version", version=f"scog {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve.add_commands(commands)
    drawing.add_commands(commands)
    crop.add_command(commands)
    stats.add_command(commands)
    animate.add_command(commands)
    series.add_command(commands)
    search.add_command(commands)
    doctor_command.add_command(commands)
    return parser


def _join_values(arguments: Sequence[str]) -> list[str]:
    """Arguments in a form that argparse parses correctly if a value begins with a minus sign.

    `--bbox -12,40,...` becomes `--bbox=-12,40,...`; a positional `-12,40,...` gets a leading space.
    """
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in SIGNED_OPTIONS and argument[:1] == "-" and argument[1:2] in ".0123456789":
            joined[-1] += f"={argument}"
        else:
            joined.append(f" {argument}" if _NEGATIVE_BBOX.fullmatch(argument) else argument)
    return joined
