"""What is drawn, and how it looks, as options say."""

from __future__ import annotations

import argparse

from scog.cli.options import add_range, add_time, check_cloud_cover, when_of
from scog.composite.change import Change
from scog.composite.mask import parse_mask
from scog.composite.methods import NEWEST, VALID, parse_composite
from scog.imaging.compare import parse_comparison
from scog.imaging.request import Ask, Comparison
from scog.render.style import Look, Wish, days_of, look_of
from scog.temporal.intervals import Interval, parse_interval
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


def still(options: argparse.Namespace) -> tuple[Look, Ask]:
    """The look that options ask for of one picture, and what is drawn for it. Raises InvalidInput."""
    when = when_of(options)
    interval = None if when is None else parse_interval(when)
    return wanted(options, interval, days_of(interval), parse_comparison(options.compare, options.compare_as))


def wanted(
    options: argparse.Namespace, interval: Interval | None, days: float, comparison: Comparison | None = None
) -> tuple[Look, Ask]:
    """The look that options ask for, of a picture that is made of so many days, and what is drawn for it.

    Raises InvalidInput.
    """
    from scog.web.parameters import parse_rescale  # loads much that other commands do without

    check_cloud_cover(options.cloud_cover)
    look = look_of(
        Wish(
            index=options.index,
            expression=options.expression,
            bands=tuple(band.strip() for band in (options.bands or "").split(",") if band.strip()),
            rescale=tuple(parse_rescale([options.rescale])) if options.rescale else (),
            colormap_name=options.colormap_name,
            color_formula=options.color_formula,
            classes=options.classes,
            composite=parse_composite(options.composite),
            days=days,
            change=comparison.how if comparison else None,
        )
    )
    ask = Ask(
        expression=look.expression,
        mask=parse_mask(options.mask or look.mask, options.mask_dilate),
        cloud_cover=options.cloud_cover,
        interval=interval,
        resampling=Resampling(options.resampling),
        composite=look.composite,
        compare=comparison,
    )
    return look, ask
