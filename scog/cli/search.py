"""`scog search`: lists the newest scenes of a bounding box."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from scog.catalog.search import MAX_SCENES
from scog.cli.options import add_catalog_option, add_time_options, check_cloud_cover, print_status, settings_of
from scog.errors import InvalidInput
from scog.geo.bbox import parse_bbox
from scog.imaging.engine import open_engine
from scog.imaging.request import SceneFilter
from scog.products.scene_list import Listing, box_grid, feature_collection, list_scenes, table
from scog.temporal.intervals import parse_interval


def add_command(commands: Any) -> None:
    """Add the command `search`."""
    command = commands.add_parser("search", help="list the newest scenes over a bounding box")
    command.add_argument(
        "--bbox", required=True, metavar="W,S,E,N", help="bounding box in degrees, such as 11.2,46.4,11.5,46.6"
    )
    add_time_options(command, 100.0)
    command.add_argument(
        "--limit", type=int, default=20, metavar="N", help="maximum number of scenes (default: %(default)s)"
    )
    command.add_argument(
        "--format", choices=("table", "json"), default="table", help="output format; json is GeoJSON (default: table)"
    )
    add_catalog_option(command)
    command.set_defaults(run=_search)


def _search(options: argparse.Namespace) -> None:
    check_cloud_cover(options.cloud_cover)
    if not 1 <= options.limit <= MAX_SCENES:
        raise InvalidInput(f"--limit {options.limit} is out of range.", valid=f"1 to {MAX_SCENES}")
    bounds = parse_bbox(options.bbox)
    interval = parse_interval(options.datetime) if options.datetime else None

    async def list_page() -> Listing:
        if bounds is None:
            return Listing([], None)
        async with open_engine(settings_of(options)) as engine:
            scenes = SceneFilter(interval, options.cloud_cover, options.collection, orbit=options.orbit)
            return await list_scenes(engine, box_grid(bounds), scenes, options.limit)

    listing = asyncio.run(list_page())
    observations = listing.observations
    count = sum(len(observation.scenes) for observation in observations)
    print(json.dumps(feature_collection(observations)) if options.format == "json" else table(observations))
    truncated = "" if listing.page_end is None else "; there are more (--limit)"
    print_status(f"{count} scenes of {len(observations)} observations{truncated}")
