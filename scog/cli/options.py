"""What commands have in common: options, the settings that they lead to, and where they speak."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from scog.errors import InvalidInput
from scog.settings import Settings

PATIENT: dict[str, Any] = {
    "crop_side": 16_000,
    "crop_values": 100_000_000,
    "crop_deadline": 3600.0,
    "tile_deadline": 120.0,
    "field_pixels": 16_000_000,
    "field_corners": 50_000,
    "fields": 10_000,
    "statistics_deadline": 3600.0,
}
"""What is allowed at a prompt, unless the environment says otherwise: nobody else waits there. 100,000,000 values are
400 MB."""


def add_time(command: argparse.ArgumentParser, cloud_cover: float = 60.0) -> None:
    """Add when scenes were taken, and how cloudy they may be."""
    command.add_argument("--datetime", help="a date, an instant or an interval such as 2022-05-01/2022-06-12")
    command.add_argument(
        "--cloud-cover", type=float, default=cloud_cover, help="highest cloud cover of a scene, percent"
    )


def add_range(command: argparse.ArgumentParser) -> None:
    """Add another way to say when."""
    command.add_argument("--from", dest="start", metavar="DATE", help="the first day, with --to instead of --datetime")
    command.add_argument("--to", dest="end", metavar="DATE", help="the last day")


def when_of(options: argparse.Namespace) -> str | None:
    """The time range as `datetime` writes it. Raises InvalidInput where it is given twice."""
    given = str(options.datetime) if options.datetime else None
    if options.start is None and options.end is None:
        return given
    if given is not None:
        raise InvalidInput("--datetime and --from or --to say the same.", valid="one of the two ways")
    return f"{options.start or '..'}/{options.end or '..'}"


def add_catalog(command: argparse.ArgumentParser) -> None:
    """Add where scenes are found."""
    command.add_argument("--catalog", metavar="URL_OR_FOLDER", help="a STAC API or an archive folder (SCOG_CATALOG)")


def settings_of(options: argparse.Namespace) -> Settings:
    """The environment's settings, with what the options say instead. Raises ValidationError."""
    given: dict[str, Any] = {"catalog": options.catalog} if options.catalog else {}
    return Settings(**given)


def patient_settings(options: argparse.Namespace) -> Settings:
    """The environment's settings, with more allowed than a stranger may ask for."""
    settings = settings_of(options)
    more = {name: value for name, value in PATIENT.items() if name not in settings.model_fields_set}
    return settings.model_copy(update=more)


def check_cloud_cover(percent: float) -> None:
    """Raises InvalidInput for what is no share of clouds."""
    if not 0 <= percent <= 100:
        raise InvalidInput(f"There is no cloud cover of {percent} percent.", valid="0 to 100")


def say(text: str) -> None:
    """A line for people; what programs read goes to the standard output."""
    print(text, file=sys.stderr)


def show_progress(doing: str, done: int, total: int, what: str) -> None:
    """A line that counts up in place on a terminal; nothing in a log."""
    if sys.stderr.isatty():
        width = 30 * done // max(1, total)
        print(f"\r{doing} [{'#' * width:<30}] {done}/{total} {what}", end="", file=sys.stderr, flush=True)


def end_progress() -> None:
    """The end of that line."""
    if sys.stderr.isatty():
        say("")
