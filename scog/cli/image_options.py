"""Options that define an image: values, style and period."""

from __future__ import annotations

import argparse

from scog.cli.options import add_date_range_options, add_time_options, check_cloud_cover, datetime_of
from scog.collections.profile import Profile
from scog.composite.change import Change
from scog.composite.methods import NEWEST, VALID
from scog.imaging.options import ImageOptions, StyledRequest
from scog.render.ramp import parse_rescale
from scog.warp.resample import Resampling

BANDS_HELP = "a preset such as agriculture, one band, or three bands as red, green and blue"
MASK_HELP = (
    "pixels to mask: sets such as clouds, classes or bits such as 3,8,9, expressions such as 'cloud > 40', or none "
    "(default: the collection's; none for classes)"
)
MASK_DILATE_HELP = "mask dilation in metres (default: %(default)g)"
OFFSET_HELP = (
    "reflectance offset of Sentinel-2, instead of the one that the metadata states: applied (0), missing (-0.1), "
    "detect (from the pixels), or a number"
)


def add_value_options(command: argparse.ArgumentParser) -> None:
    """Add the options that define the values of pixels."""
    command.add_argument("--index", help="spectral index by name (default: ndvi)")
    command.add_argument("--expression", help="expression over bands, such as (nir-red)/(nir+red)")
    command.add_argument("--bands", help=BANDS_HELP)
    methods = [method.value for method in Resampling]
    command.add_argument(
        "--resampling",
        choices=methods,
        default=Resampling.NEAREST.value,
        help="resampling method (default: %(default)s)",
    )
    command.add_argument("--composite", metavar="NAME", default=NEWEST.name, help=f"{VALID} (default: %(default)s)")
    command.add_argument("--classes", help="names and thresholds of value classes, such as bare:tan,0.2,green:teal")
    command.add_argument("--mask", help=MASK_HELP)
    command.add_argument("--mask-dilate", type=float, default=0.0, metavar="METRES", help=MASK_DILATE_HELP)
    command.add_argument("--offset", metavar="OFFSET", help=OFFSET_HELP)
    command.set_defaults(rescale=None, colormap_name=None, color_formula=None)


def add_style_options(command: argparse.ArgumentParser) -> None:
    """Add the options that define the values of pixels and their colours."""
    add_value_options(command)
    command.add_argument("--rescale", metavar="LOW,HIGH", help="values of the first and the last colour, such as 0,0.8")
    command.add_argument("--colormap-name", metavar="NAME", help="colormap of the cmap catalogue, such as viridis")
    command.add_argument("--color-formula", metavar="FORMULA", help="for RGB images, such as 'gamma RGB 1.3'")


def add_period_options(command: argparse.ArgumentParser) -> None:
    """Add the options that define the period, and a second period to compare it with."""
    add_time_options(command)
    add_date_range_options(command)
    command.add_argument(
        "--compare", metavar="DATETIME", help="second period, as for --datetime, to compare the first one with"
    )
    command.add_argument(
        "--compare-as",
        type=Change,
        choices=list(Change),
        help="draw the first period minus the second, or divided by it (default: difference)",
    )


def image_of(options: argparse.Namespace, profile: Profile) -> StyledRequest:
    """The image that the options define, of a collection with this profile. Raises InvalidInput."""
    return parse_image(options, profile, datetime_of(options), compare=options.compare, compare_as=options.compare_as)


def parse_image(
    options: argparse.Namespace,
    profile: Profile,
    datetime: str | None,
    days: float | None = None,
    compare: str | None = None,
    compare_as: Change | None = None,
) -> StyledRequest:
    """The image of a period that the options define. Raises InvalidInput.

    `days` is the length of the period that one image covers, if that is not the whole of `datetime`.
    """
    check_cloud_cover(options.cloud_cover)
    return ImageOptions(
        datetime=datetime,
        cloud_cover=options.cloud_cover,
        collection=options.collection,
        orbit=options.orbit,
        index=options.index,
        expression=options.expression,
        bands=tuple(band.strip() for band in (options.bands or "").split(",") if band.strip()),
        mask=options.mask or None,
        mask_dilate=options.mask_dilate,
        composite=options.composite,
        resampling=Resampling(options.resampling),
        offset=options.offset,
        compare=compare,
        compare_as=compare_as,
        classes=options.classes,
        rescale=tuple(parse_rescale([options.rescale])) if options.rescale else (),
        colormap_name=options.colormap_name,
        color_formula=options.color_formula,
        days=days,
    ).parse(profile)
