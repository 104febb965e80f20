"""Options of several commands, the settings of a command, and status messages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scog.catalog.query import OrbitState
from scog.errors import InvalidInput
from scog.settings import Settings

CLI_LIMITS: dict[str, Any] = {
    "crop_side": 16_000,
    "crop_values": 100_000_000,
    "crop_deadline": 3600.0,
    "tile_deadline": 120.0,
    "area_pixels": 16_000_000,
    "area_vertices": 50_000,
    "areas": 10_000,
    "statistics_deadline": 3600.0,
}
"""Limits of commands unless the environment sets others. A command has one user, so they exceed those of a server.

100,000,000 values take 400 MB.
"""


def add_time_options(
    command: argparse.ArgumentParser, cloud_cover: float = 60.0, days_setting: str = "newest_days"
) -> None:
    """Add the options that select scenes by time and cloud cover.

    `days_setting` is the setting with the length of the default period.
    """
    days = Settings.model_fields[days_setting].default
    command.add_argument(
        "--datetime",
        help="date, instant or interval in UTC, such as 2022-05-01/2022-06-12 "
        f"(default: newest {days} days, SCOG_{days_setting.upper()})",
    )
    command.add_argument(
        "--cloud-cover",
        type=float,
        default=cloud_cover,
        metavar="PERCENT",
        help="maximum cloud cover of a scene (default: %(default)g)",
    )
    command.add_argument(
        "--orbit",
        type=OrbitState,
        choices=list(OrbitState),
        help="direction of flight; excludes scenes of the other, or of unknown direction",
    )


def add_date_range_options(command: argparse.ArgumentParser) -> None:
    """Add --from and --to, an alternative to --datetime."""
    command.add_argument("--from", dest="start", metavar="DATE", help="first day, instead of --datetime")
    command.add_argument("--to", dest="end", metavar="DATE", help="last day, instead of --datetime")


def datetime_of(options: argparse.Namespace) -> str | None:
    """The `datetime` of --datetime, or of --from and --to. Raises InvalidInput if both are given."""
    datetime = str(options.datetime) if options.datetime else None
    if options.start is None and options.end is None:
        return datetime
    if datetime is not None:
        raise InvalidInput(
            "--datetime cannot be combined with --from or --to.", valid="either --datetime, or --from and --to"
        )
    return f"{options.start or '..'}/{options.end or '..'}"


def add_output_option(command: argparse.ArgumentParser, formats: Iterable[str]) -> None:
    """Add -o/--output, a file whose extension is one of `formats`."""
    extensions = ", ".join(f".{name}" for name in formats)
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"output file; its extension sets the format: {extensions}",
    )


def add_catalog_option(command: argparse.ArgumentParser) -> None:
    """Add --catalog and --collection."""
    command.add_argument(
        "--catalog",
        action="append",
        metavar="URL_OR_FOLDER",
        help="STAC API or folder of a local archive, or NAME= and one of them; may be repeated: the first one has "
        "the default collection (default: SCOG_CATALOG, else Earth Search)",
    )
    command.add_argument(
        "--collection",
        metavar="ID",
        help="collection of a catalogue, or several separated by commas; ID@NAME if several catalogues have it "
        "(default: SCOG_COLLECTION)",
    )


def settings_of(options: argparse.Namespace, *, is_default: bool = False) -> Settings:
    """The settings of the environment and the options. With `is_default`, --collection is the default collection.

    Raises ValidationError.
    """
    given: dict[str, Any] = {"catalog": tuple(options.catalog)} if options.catalog else {}
    if is_default and options.collection:
        given["collection"] = options.collection
    return Settings(**given)


def settings_with_cli_limits(options: argparse.Namespace) -> Settings:
    """The settings of the environment and the options, with CLI_LIMITS as defaults. Raises ValidationError."""
    settings = settings_of(options)
    limits = {name: value for name, value in CLI_LIMITS.items() if name not in settings.model_fields_set}
    return settings.model_copy(update=limits)


def check_cloud_cover(percent: float) -> None:
    """Raise InvalidInput unless the cloud cover is between 0 and 100."""
    if not 0 <= percent <= 100:
        raise InvalidInput(f"--cloud-cover {percent:g} is not a percentage.", valid="0 to 100")


def print_status(text: str) -> None:
    """Print a line to stderr. Results for other programs go to stdout."""
    print(text, file=sys.stderr)


def show_progress(activity: str, done: int, total: int, unit: str) -> None:
    """Update the progress bar, if stderr is a terminal."""
    if sys.stderr.isatty():
        width = 30 * done // max(1, total)
        print(f"\r{activity} [{'#' * width:<30}] {done}/{total} {unit}", end="", file=sys.stderr, flush=True)


def end_progress() -> None:
    """End the line of the progress bar, if stderr is a terminal."""
    if sys.stderr.isatty():
        print_status("")
