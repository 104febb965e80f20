"""What is drawn, and how it looks, as options say."""

from __future__ import annotations

import argparse

from scog.cli.options import add_range, add_time, check_cloud_cover, when_of
from scog.composite.change import Change
from scog.composite.methods import NEWEST, VALID
from scog.imaging.options import ImageOptions, StyledRequest
from scog.render.ramp import parse_rescale
from scog.warp.resample import Resampling


def add_values(command: argparse.ArgumentParser) -> None:
    """Add which values are drawn."""
    command.add_argument("--index", help="an index by name (default: ndvi)")
    command.add_argument("--expression", help="a formula, such as (nir-red)/(nir+red)")
    command.add_argument("--bands", help="a preset such as agriculture, one band, or three as red, green and blue")
    methods = [method.value for method in Resampling]
    command.add_argument("--resampling", choices=methods, default=Resampling.NEAREST.value)
    command.add_argument("--composite", metavar="NAME", default=NEWEST.name, help=f"{VALID} (default: %(default)s)")
    command.add_argument("--classes", help="thresholds that make classes of values, such as bare:tan,0.2,green:teal")
    command.add_argument("--mask", help="clouds (the default but for scl), none, or SCL classes to take out")
    command.add_argument("--mask-dilate", type=float, default=0.0, metavar="METRES", help="let what is masked grow")
    command.set_defaults(rescale=None, colormap_name=None, color_formula=None)


def add_picture(command: argparse.ArgumentParser) -> None:
    """Add which values are drawn, and in which colours."""
    add_values(command)
    command.add_argument("--rescale", metavar="LOW,HIGH", help="values of the first and the last colour")
    command.add_argument("--colormap-name", metavar="NAME", help="a colormap of cmap's catalogue, such as viridis")
    command.add_argument("--color-formula", metavar="FORMULA", help="for three outputs, such as 'gamma RGB 1.3'")


def add_periods(command: argparse.ArgumentParser) -> None:
    """Add when scenes were taken, and a second period."""
    add_time(command)
    add_range(command)
    command.add_argument("--compare", metavar="DATETIME", help="a second --datetime: draw the first minus the second")
    command.add_argument("--compare-as", type=Change, choices=list(Change), help="how (default: difference)")


def still(options: argparse.Namespace) -> StyledRequest:
    """What options ask for of one image. Raises InvalidInput."""
    return wanted(options, when_of(options), compare=options.compare, compare_as=options.compare_as)


def wanted(
    options: argparse.Namespace,
    when: str | None,
    days: float | None = None,
    compare: str | None = None,
    compare_as: Change | None = None,
) -> StyledRequest:
    """What options ask for of an image of a time range; `days` is how much time an image is made of, if not all of it.

    Raises InvalidInput.
    """
    check_cloud_cover(options.cloud_cover)
    return ImageOptions(
        datetime=when,
        cloud_cover=options.cloud_cover,
        index=options.index,
        expression=options.expression,
        bands=tuple(band.strip() for band in (options.bands or "").split(",") if band.strip()),
        mask=options.mask or None,
        mask_dilate=options.mask_dilate,
        composite=options.composite,
        resampling=Resampling(options.resampling),
        compare=compare,
        compare_as=compare_as,
        classes=options.classes,
        rescale=tuple(parse_rescale([options.rescale])) if options.rescale else (),
        colormap_name=options.colormap_name,
        color_formula=options.color_formula,
        days=days,
    ).parse()
