"""`scog animate`: a time lapse of a box as a file."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from scog.cli.image_options import add_picture, wanted
from scog.cli.options import add_catalog, add_range, add_time, end_progress, say, settings_of, show_progress, when_of
from scog.errors import InvalidInput
from scog.geo.bbox import map_box
from scog.geo.grid import map_grid
from scog.imaging.engine import open_engine
from scog.products.animation import MIN_CLEAR, Animation, FrameTime, animate
from scog.products.animation_formats import DEFAULT_SIZE, NAMED, SIZE, duration_of, encode, format_of
from scog.temporal.steps import VALID, parse_step


def add_to(commands: Any) -> None:
    """Add the command to those of the prompt."""
    command = commands.add_parser("animate", help="draw a time lapse of a box into a file")
    command.add_argument("box", metavar="W,S,E,N", help="in degrees, such as 11.2,46.4,11.5,46.6")
    endings = ", ".join(f".{name}" for name in NAMED)
    command.add_argument("-o", "--output", type=Path, required=True, help=f"a file whose ending is one of {endings}")
    add_range(command)
    command.add_argument("--step", help=f"{VALID} (default: a frame for each day with an observation)")
    command.add_argument(
        "--min-clear",
        type=float,
        default=MIN_CLEAR,
        metavar="SHARE",
        help="skip frames that show less of the box, 0 to 1",
    )
    command.add_argument("--fps", type=float, help="frames a second (default: 2)")
    command.add_argument("--duration", type=int, metavar="MS", help="milliseconds a frame, instead of --fps")
    command.add_argument(
        "--size", type=int, default=DEFAULT_SIZE, help="pixels of the longer side (default: %(default)s)"
    )
    command.add_argument("--label", choices=("date", "none"), default="date", help="what is written on the frames")
    add_picture(command)
    add_time(command)
    add_catalog(command)
    command.set_defaults(run=_animate)


def _animate(options: argparse.Namespace) -> None:
    form = format_of(options.output.suffix.lower().removeprefix("."))
    duration = duration_of(options.fps, options.duration)
    if not 0 <= options.min_clear <= 1:
        raise InvalidInput(f"There is no share of {options.min_clear:g}.", valid="a --min-clear of 0 to 1")
    if not SIZE[0] <= options.size <= SIZE[1]:
        raise InvalidInput(f"Nobody draws {options.size} pixels.", valid=f"a --size of {SIZE[0]} to {SIZE[1]}")
    step = None if options.step is None else parse_step(options.step)
    when = when_of(options)
    image = wanted(options, when, 1.0 if step is None else step.days)
    grid = map_grid(*map_box(options.box), options.size)

    async def made() -> tuple[Animation, bytes]:
        async with open_engine(settings_of(options)) as engine:
            try:
                drawn = await animate(engine, grid, image, step, options.min_clear, _tell)
            finally:
                end_progress()
            return drawn, await encode(drawn, form, duration, labelled=options.label == "date")

    drawn, body = asyncio.run(made())
    options.output.write_bytes(body)
    _say_what(options.output, drawn)


def _say_what(output: Path, drawn: Animation) -> None:
    moments: list[FrameTime] = [moment for moment, _ in drawn.frames]
    more = [f"{drawn.skipped} skipped, too cloudy or empty"] if drawn.skipped else []
    more += [f"{drawn.missing} missing"] if drawn.missing else []
    more += ["there would be older ones"] if drawn.report.truncated else []
    first, last = moments[0].text[:10], moments[-1].text[-10:]
    say(f"{output}: {len(moments)} frames, {first} to {last}" + "".join(f"; {text}" for text in more))
    for line in drawn.report.told():
        say(f"  skipped {line}")


def _tell(done: int, total: int) -> None:
    show_progress("Drawing", done, total, "frames")
