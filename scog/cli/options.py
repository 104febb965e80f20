"""What commands have in common: options, the settings that they lead to, and where they speak."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from scog.errors import InvalidInput
from scog.settings import Settings

PATIENT: dict[str, Any] = {
    "cutout_side": 16_000,
    "cutout_values": 100_000_000,
    "cutout_deadline": 3600.0,
    "tile_deadline": 120.0,
    "field_pixels": 16_000_000,
    "field_corners": 50_000,
    "fields": 10_000,
    "statistics_deadline": 3600.0,
}
"""What is allowed at a prompt, unless the environment says otherwise: nobody else waits there. 100,000,000 values are
400 MB."""


def add_time(command: argparse.ArgumentParser) -> None:
    """Add when scenes were taken, and how cloudy they may be."""
    command.add_argument("--datetime", help="a date, an instant or an interval such as 2022-05-01/2022-06-12")
    command.add_argument("--cloud-cover", type=float, default=60.0, help="highest cloud cover of a scene, percent")


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
