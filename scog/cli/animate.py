"""`scog animate`: writes an animation of a bounding box to a file."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from scog.cli.image_options import add_style_options, parse_image
from scog.cli.options import (
    add_catalog_option,
    add_date_range_options,
    add_output_option,
    add_time_options,
    datetime_of,
    end_progress,
    print_status,
    settings_of,
    show_progress,
)
from scog.errors import InvalidInput
from scog.geo.bbox import parse_map_bbox
from scog.geo.grid import mercator_grid
from scog.imaging.engine import open_engine
from scog.products.animation import MIN_CLEAR, Animation, FrameTime, animate
from scog.products.animation_formats import DEFAULT_SIZE, NAMED, SIZE_RANGE, duration_of, encode, format_of
from scog.temporal.steps import VALID, parse_step


def add_command(commands: Any) -> None:
    """Add the command `animate`."""
    command = commands.add_parser("animate", help="write an animation of a bounding box to a GIF or WebP file")
    command.add_argument("box", metavar="W,S,E,N", help="bounding box in degrees, such as 11.2,46.4,11.5,46.6")
    add_output_option(command, NAMED)
    add_date_range_options(command)
    command.add_argument("--step", help=f"period of one frame: {VALID} (default: each day with an observation)")
    command.add_argument(
        "--min-clear",
        type=float,
        default=MIN_CLEAR,
        metavar="SHARE",
        help="skip frames with a smaller share of valid pixels, 0 to 1 (default: %(default)s)",
    )
    command.add_argument("--fps", type=float, help="frames per second (default: 2)")
    command.add_argument("--duration", type=int, metavar="MS", help="milliseconds per frame, instead of --fps")
    command.add_argument(
        "--size",
        type=int,
        default=DEFAULT_SIZE,
        metavar="PIXELS",
        help="pixels of the longer side (default: %(default)s)",
    )
    command.add_argument(
        "--label", choices=("date", "none"), default="date", help="text on the frames (default: %(default)s)"
    )
    add_style_options(command)
    add_time_options(command)
    add_catalog_option(command)
    command.set_defaults(run=_animate)


def _animate(options: argparse.Namespace) -> None:
    image_format = format_of(options.output.suffix.lower().removeprefix("."))
    duration = duration_of(options.fps, options.duration)
    if not 0 <= options.min_clear <= 1:
        raise InvalidInput(f"--min-clear {options.min_clear:g} is not a share.", valid="0 to 1")
    if not SIZE_RANGE[0] <= options.size <= SIZE_RANGE[1]:
        raise InvalidInput(
            f"--size {options.size} is out of range.", valid=f"{SIZE_RANGE[0]} to {SIZE_RANGE[1]} pixels"
        )
    step = None if options.step is None else parse_step(options.step)
    datetime, days = datetime_of(options), 1.0 if step is None else step.days
    grid = mercator_grid(*parse_map_bbox(options.box), options.size)

    async def draw_and_encode() -> tuple[Animation, bytes]:
        async with open_engine(settings_of(options)) as engine:
            image = parse_image(options, await engine.profile(options.collection), datetime, days)
            try:
                animation = await animate(engine, grid, image, step, options.min_clear, _show_progress)
            finally:
                end_progress()
            return animation, await encode(animation, image_format, duration, labelled=options.label == "date")

    animation, content = asyncio.run(draw_and_encode())
    options.output.write_bytes(content)
    _print_summary(options.output, animation)


def _print_summary(output: Path, animation: Animation) -> None:
    times: list[FrameTime] = [time for time, _ in animation.frames]
    notes = [f"{animation.skipped} skipped (too few valid pixels)"] if animation.skipped else []
    notes += [f"{animation.missing} missing"] if animation.missing else []
    notes += ["older frames were truncated"] if animation.report.truncated else []
    first, last = times[0].text[:10], times[-1].text[-10:]
    print_status(f"{output}: {len(times)} frames, {first} to {last}" + "".join(f"; {note}" for note in notes))
    for line in animation.report.lines():
        print_status(f"  {line}")


def _show_progress(done: int, total: int) -> None:
    show_progress("Drawing", done, total, "frames")
