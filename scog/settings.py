"""Everything an operator can set, as one immutable object read from `SCOG_*` variables when it is made."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"
EARTH_SEARCH_HOSTS = (
    "sentinel-cogs.s3.us-west-2.amazonaws.com",
    "e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com",
)

_TEMPLATE = re.compile(r"https?://(\{s\}\.)?[A-Za-z0-9.-]+(:\d{1,5})?/[!-~]*\Z")


def default_cache_dir() -> Path:
    """The user's cache folder, as the XDG base directory specification has it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scog"


class Settings(BaseSettings):
    """Settings of one server or notebook session; each field is also an environment variable `SCOG_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SCOG_", frozen=True, extra="ignore")

    # What is drawn
    catalog: str = EARTH_SEARCH
    """URL of a STAC API, or the folder of a local archive."""
    collection: str | None = None
    """Collection searched when a request names none; unset: `sentinel-2-l2a` remotely, everything locally."""
    ambiguous_offset: Literal["look", "applied", "missing"] = "look"
    """Scenes whose metadata cannot say whether +1000 was taken off: `look` at the pixels, or decide for all."""
    newest_days: int = Field(90, ge=1, le=3660)
    """Days before the archive's newest scene (remote: before today) that are drawn without `datetime`."""

    search_fields: bool = True
    """Ask the catalogue for just the fields that are read, 40 % of the bytes, where it says that it can."""

    home: Annotated[tuple[float, float, int], NoDecode] = (11.35, 46.5, 12)
    """Where the map opens when the catalogue has no middle of its own: longitude, latitude, zoom."""

    basemap: str = ""
    """Address of tiles that the map at `/` shows below its pictures, such as `https://tile.example.org/{z}/{x}/{y}.png`,
    `{s}` for subdomains; unset: the coasts that come with scog, and browsers ask no other host."""
    basemap_attribution: str = ""
    """What the base map's makers want to be written on it, as HTML."""

    # Where it may read, and how it is known
    hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """More hosts that pixels may be read from (`host`, `host:port`, `*.domain`), separated by commas."""
    public_url: str | None = None
    """Base of the links in TileJSON, such as `https://maps.example.org/scog`, where a proxy stands in front."""
    unknown_parameters: Literal["refuse", "ignore"] = "refuse"
    """Parameters in the query of an address that nobody knows: `refuse` with 400, since a misspelt `datetim` would draw
    something else; `ignore` for clients that append keys of their own, such as cache-busters."""
    cache_dir: Path = Field(default_factory=default_cache_dir)
    """Folder for cubes and for what was learnt of files and searches; deleting it costs nothing but the cubes."""

    # Bounds. Times in seconds.
    tile_deadline: float = Field(30.0, gt=0)
    """After this long a tile is answered as far as it got, or with 504. Browsers and most proxies wait a minute; a line
    of 2 Mbit/s brings 7.5 MB meanwhile."""
    catalog_deadline: float = Field(15.0, gt=0)
    """One search, retries included, as long as its bytes flow; 5 s without a byte end it sooner. A page of 100 scenes
    is 0.8 MB, or 2.3 MB of a catalogue that cannot leave fields out: 3 s or 9 s at 2 Mbit/s."""
    read_stall: float = Field(4.0, gt=0)
    """Without a byte for this long a read is tried again and continued where it stopped, as long as its host answers
    others; three times as long where the host sends nothing at all. A read whose bytes flow has no other limit."""
    retries: int = Field(3, ge=0, le=5)
    """Further tries after 429, 5xx and resets, inside the deadline."""
    reads_per_host: int = Field(64, ge=1)
    """Requests at once to one host; S3 serves this many at full speed."""
    waiting: int = Field(256, ge=1)
    """Pictures in work or waiting; beyond it 503, since they would miss their deadlines anyway."""
    block_cache_mb: int = Field(512, ge=1)
    """Decoded blocks kept in memory, in MB; 512 holds about 250 full-resolution blocks of 2 MB."""
    picture_cache_mb: int = Field(128, ge=0)
    """Drawings kept in memory, in MB, and a quarter of it for their pictures; 128 holds 380 tiles of one output."""
    answer_cache_mb: int = Field(128, ge=0)
    """Answers of which parts are asked for (`Range`), as GDAL reads a GeoTIFF by its URL, kept for 5 minutes, in MB. A
    cut-out of 4096 x 4096 pixels takes up to 64 MB."""
    read_memory_mb: int = Field(512, ge=16)
    """Decoded blocks on their way into pictures at a time, in MB; further reads wait for room."""
    read_gap: int = Field(1_400_000, ge=0)
    """Bytes between two wanted blocks that are read through rather than asked for separately; blocks among them are
    kept. Over a walk on the map this much saves a ninth of the requests and no more bytes are read."""
    header_bytes: int = Field(16_384, ge=1024)
    """First request to a file; all image directories of a Sentinel-2 COG lie in its first 4 KB."""
    picture_observations: int = Field(100, ge=1)
    """Observations of one picture, the newest; a pixel is made of so many at most."""
    picture_scenes: int = Field(500, ge=1)
    """Scenes of one picture; what it is made of is bounded by whichever comes first, and a header says so."""
    cubes: int = Field(10_000, ge=1)
    """Cubes kept; those longest out of use are forgotten first. One takes 1 KB, and 100 bytes or so a pinned scene."""
    cube_bytes: int = Field(100_000, ge=1000)
    """Bytes of a cube's definition; 100,000 is an outline of 2,500 corners."""
    cube_scenes: int = Field(500, ge=1, le=1000)
    """Scenes pinned to a cube, the newest; as many as one picture may ask for."""
    animations: int = Field(2, ge=1)
    """Animations in work at once, beyond which the answer is 503: each may take as much memory as its pixels."""
    animation_frames: int = Field(60, ge=1, le=100)
    """Frames of one animation; each costs as much as a picture of its size."""
    animation_pixels: int = Field(24_000_000, ge=1_048_576)
    """Pixels of all frames together, 4 bytes each in true colour; 24,000,000 is 60 frames of 632 pixels a side."""
    animation_deadline: float = Field(60.0, gt=0)
    """After this long an animation is made of the frames that are drawn; making it takes some seconds more."""
    animation_at_once: int = Field(4, ge=1)
    """Frames of one animation that are drawn at once: few, so that tiles asked for meanwhile need not wait for it."""
    cutouts: int = Field(2, ge=1)
    """Cut-outs larger than a tile in work at once, beyond which the answer is 503: each may take 300 MB."""
    cutout_side: int = Field(4096, ge=64, le=65_500)
    """Pixels a side of one cut-out; 4096 is 40 km at full size."""
    cutout_values: int = Field(16_777_216, ge=4096)
    """Values of one cut-out, its pixels times its outputs, 4 bytes each; 16,777,216 is 4096 x 4096 of one output."""
    cutout_deadline: float = Field(60.0, gt=0)
    """After this long a cut-out is made of the parts that are drawn; making it takes some seconds more."""
    cutout_at_once: int = Field(4, ge=1)
    """Parts of one cut-out, of up to 512 pixels a side, that are drawn at once: few, so that tiles need not wait."""
    statistics: int = Field(4, ge=1)
    """Statistics of polygons in work at once, beyond which the answer is 503: each reads as much as many tiles."""
    statistics_deadline: float = Field(60.0, gt=0)
    """After this long statistics are those of what is drawn; polygons that had no turn have none."""
    series: int = Field(16, ge=1)
    """Time series in work at once, beyond which the answer is 503: each reads as much as a hundred tiles."""
    series_at_once: int = Field(24, ge=1, le=64)
    """Observations of one series that are read at once: few, so that tiles asked for meanwhile need not wait for it."""
    series_deadline: float = Field(60.0, gt=0)
    """After this long a series is answered with the observations that are read; the others are named."""
    series_scenes: int = Field(1000, ge=1, le=1000)
    """Observations of one series and scenes of them, the newest; two satellites see a place 146 times a year."""
    series_days: int = Field(365, ge=1, le=36600)
    """Days before the archive's newest scene (remote: before today) that a series shows without `datetime`."""
    series_memory_mb: int = Field(256, ge=16)
    """Pixels of fields while they are measured, in MB, of all series together; further observations wait for room."""
    series_cache_mb: int = Field(32, ge=0)
    """Numbers of observations kept in memory, in MB; 32 holds about 15,000 of them, for an hour at most."""
    fields: int = Field(100, ge=1)
    """Fields of one request, each of which costs as much as a request of its own."""
    field_bytes: int = Field(1_000_000, ge=1000)
    """Bytes of the GeoJSON of a request's fields; 1,000,000 is about 25,000 corners, or 100 fields with properties."""
    field_corners: int = Field(10_000, ge=4)
    """Corners of all fields of a request together; with edges across 4,000,000 pixels these take three seconds."""
    field_pixels: int = Field(4_000_000, ge=1)
    """Pixels around a field; 4,000,000 are 20 km a side at 10 m. Larger fields are looked at on coarser pixels."""
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Threads that decode and compute; numpy and the codecs let go of Python's lock."""

    @field_validator("home", mode="before")
    @classmethod
    def _split_home(cls, value: object) -> object:
        return tuple(value.split(",")) if isinstance(value, str) else value

    @field_validator("home")
    @classmethod
    def _check_home(cls, value: tuple[float, float, int]) -> tuple[float, float, int]:
        lon, lat, zoom = value
        if not (-180 <= lon <= 180 and -85 <= lat <= 85 and 0 <= zoom <= 20):
            raise ValueError("give longitude, latitude and zoom, such as 11.35,46.5,12")
        return value

    @field_validator("basemap")
    @classmethod
    def _check_basemap(cls, value: str) -> str:
        # Its host becomes part of a header.
        if value and not (_TEMPLATE.match(value) and all(part in value for part in ("{z}", "{x}", "{y}"))):
            raise ValueError("give an address of tiles, such as https://tile.example.org/{z}/{x}/{y}.png")
        return value

    @field_validator("hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip().lower() for host in value.split(",") if host.strip())
        return value

    @property
    def catalog_folder(self) -> Path | None:
        """The local archive, or None when the catalogue is a STAC API."""
        return None if "://" in self.catalog else Path(self.catalog)

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Hosts that pixels may be read from."""
        return EARTH_SEARCH_HOSTS + self.hosts
