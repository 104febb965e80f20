"""All settings of an operator, as one immutable object read from `SCOG_*` environment variables when it is created."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"
REMOTE_COLLECTION = "sentinel-2-l2a"
"""Default collection of a STAC API. It may have the same scenes in several, so that a search always names one."""
EARTH_SEARCH_HOSTS = (
    "sentinel-cogs.s3.us-west-2.amazonaws.com",
    "e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com",
)

_TOKEN_URL = re.compile(r"(https://[A-Za-z0-9.-]+|http://(127\.0\.0\.1|localhost))(:\d{1,5})?(/[^\s?#]*)?")
"""Tokens and the subscription key are secret: over HTTPS only, except on this machine."""
_TEMPLATE = re.compile(r"https?://(\{s\}\.)?[A-Za-z0-9.-]+(:\d{1,5})?/[!-~]*\Z")


def default_cache_dir() -> Path:
    """The user's cache folder, following the XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scog"


class Settings(BaseSettings):
    """Settings of a server or notebook session. Each field is also an environment variable `SCOG_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SCOG_", frozen=True, extra="ignore")

    # Data
    catalog: Annotated[tuple[str, ...], NoDecode] = (EARTH_SEARCH,)
    """Catalogues, separated by commas: the URL of a STAC API or the folder of a local archive, with a name if you like:
    `s2=https://stac.example/v1,/data/archive`. The name follows `@` in `collection=ID@NAME`, where several catalogues
    have a collection. Requests without `collection` use the first catalogue."""
    collection: str | None = None
    """Collection of the first catalogue that is searched when a request names none, or several separated by commas;
    unset: `sentinel-2-l2a` remotely, all collections locally."""
    ambiguous_offset: Literal["detect", "applied", "missing"] = "detect"
    """Scenes whose metadata does not state whether the offset of +1000 was removed: `detect` it from the pixels, or
    assume for all that it was `applied` (removed) or is `missing` (still included)."""
    collections: Annotated[tuple[Path, ...], NoDecode] = ()
    """Profiles of collections that scog does not know, or that it should read otherwise: TOML files or folders of them,
    separated by commas. Those in an archive's folder need no setting."""
    newest_days: int = Field(90, ge=1, le=3660)
    """Days before the archive's newest scene (remote: before today) that are shown without `datetime`."""

    search_fields: bool = True
    """Request only the item fields that are read, 40 % of the bytes, if the catalogue supports the fields extension."""

    home: Annotated[tuple[float, float, int], NoDecode] = (11.35, 46.5, 12)
    """Initial view of the map if the catalogue has no extent of its own: longitude, latitude in degrees, zoom."""

    basemap: str = ""
    """Tile URL of the base map below the images of the map at `/`, such as `https://tile.example.org/{z}/{x}/{y}.png`,
    `{s}` for subdomains; unset: the coastlines included in scog, so that browsers contact no other host."""
    basemap_attribution: str = ""
    """Attribution of the base map, as HTML."""

    # Hosts, URLs and folders
    hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Additional hosts that pixels may be read from (`host`, `host:port`, `*.domain`), separated by commas."""
    sas_token_url: str | None = None
    """Service that issues SAS tokens for blobs: `URL/COLLECTION` and `URL/ACCOUNT/CONTAINER`. Unset: that of the
    Planetary Computer if it is the catalogue, else none."""
    sas_hosts: Annotated[tuple[str, ...], NoDecode] = ("*.blob.core.windows.net",)
    """Hosts whose blobs are read with tokens of that service; they need not be in `SCOG_HOSTS`."""
    sas_subscription_key: SecretStr | None = None
    """Subscription key for that service, sent to it alone. The Planetary Computer allows fewer requests without one."""
    public_url: str | None = None
    """Base URL of links in responses such as TileJSON, for example `https://maps.example.org/scog`, behind a reverse
    proxy."""
    unknown_parameters: Literal["refuse", "ignore"] = "refuse"
    """Unknown query parameters: `refuse` with 400, since a misspelt `datetim` would draw something else; `ignore` for
    clients that append keys of their own, such as cache-busters."""
    cache_dir: Path = Field(default_factory=default_cache_dir)
    """Folder for cubes and for cached headers and searches. Deleting it loses nothing but the cubes."""

    # Limits. Times in seconds.
    tile_deadline: float = Field(30.0, gt=0)
    """After this long a tile is returned as far as it is complete, or fails with 504. Browsers and most proxies wait a
    minute; a connection of 2 Mbit/s transfers 7.5 MB in this time."""
    catalog_deadline: float = Field(15.0, gt=0)
    """Time of one search, retries included. 5 s without data end it sooner. A page of 100 scenes has 0.8 MB, or 2.3 MB
    if the catalogue does not support the fields extension: 3 s or 9 s at 2 Mbit/s."""
    read_stall: float = Field(4.0, gt=0)
    """A read without data for this long is retried and resumed where it stopped, while its host answers other reads;
    three times as long while the host sends nothing at all. A read that receives data has no other limit."""
    retries: int = Field(3, ge=0, le=5)
    """Number of retries after 429, 5xx and connection resets, within the deadline."""
    reads_per_host: int = Field(64, ge=1)
    """Concurrent requests to one host; S3 serves this many at full speed."""
    waiting: int = Field(256, ge=1)
    """Images in progress or queued. Further requests get 503, since they would miss their deadlines."""
    block_cache_mb: int = Field(512, ge=1)
    """Memory for decoded blocks, in MB; 512 holds about 250 full-resolution blocks of 2 MB."""
    image_cache_mb: int = Field(128, ge=0)
    """Memory for evaluated tiles, in MB, and a quarter of it for their encoded images; 128 holds 380 tiles of one
    output."""
    response_cache_mb: int = Field(128, ge=0)
    """Memory for responses that clients read in parts (`Range`), as GDAL reads a GeoTIFF by its URL, in MB. They are
    cached for 5 minutes. A crop of 4096 x 4096 pixels takes up to 64 MB."""
    read_memory_mb: int = Field(512, ge=16)
    """Memory for decoded blocks of images in progress, in MB; further reads wait until some is free."""
    read_gap: int = Field(1_400_000, ge=0)
    """Bytes between two blocks that are read through instead of sending two requests; the blocks among them are cached.
    When panning the map this saves a ninth of the requests and reads no more bytes in total."""
    header_bytes: int = Field(16_384, ge=1024)
    """Bytes of the first request to a file; all image file directories of a Sentinel-2 COG are in its first 4 KB."""
    image_observations: int = Field(100, ge=1)
    """Observations of one image, the newest ones; at most this many contribute to a pixel."""
    image_scenes: int = Field(500, ge=1)
    """Scenes of one image. An image is limited by scenes or observations, whichever comes first; a response header says
    so."""
    cubes: int = Field(10_000, ge=1)
    """Number of cubes stored; the least recently used ones are deleted first. One takes 1 KB, plus about 100 bytes per
    pinned scene."""
    cube_bytes: int = Field(100_000, ge=1000)
    """Bytes of a cube's definition; 100,000 is an outline of 2,500 vertices."""
    cube_scenes: int = Field(500, ge=1, le=1000)
    """Scenes pinned to a cube, the newest ones; as many as one image may use."""
    animations: int = Field(2, ge=1)
    """Animations in progress at a time, beyond which requests get 503: each may take as much memory as its pixels."""
    animation_frames: int = Field(60, ge=1, le=100)
    """Frames of one animation; each costs as much as an image of its size."""
    animation_pixels: int = Field(24_000_000, ge=1_048_576)
    """Pixels of all frames together, 4 bytes each in true colour; 24,000,000 is 60 frames of 632 x 632 pixels."""
    animation_deadline: float = Field(60.0, gt=0)
    """After this long an animation is encoded from the frames that are finished; encoding takes some seconds more."""
    animation_at_once: int = Field(4, ge=1)
    """Frames of one animation that are drawn concurrently: few, so that concurrent tile requests need not wait for
    it."""
    crops: int = Field(2, ge=1)
    """Crops larger than a tile in progress at a time, beyond which requests get 503: each may take 300 MB."""
    crop_side: int = Field(4096, ge=64, le=65_500)
    """Width and height of one crop in pixels at most; 4096 is 40 km at full resolution."""
    crop_values: int = Field(16_777_216, ge=4096)
    """Values of one crop, its pixels times its outputs, 4 bytes each; 16,777,216 is 4096 x 4096 pixels of one
    output."""
    crop_deadline: float = Field(60.0, gt=0)
    """After this long a crop is encoded from the parts that are finished; encoding takes some seconds more."""
    crop_at_once: int = Field(4, ge=1)
    """Parts of one crop, of up to 512 x 512 pixels, that are drawn concurrently: few, so that tiles need not wait."""
    statistics: int = Field(4, ge=1)
    """Requests for zonal statistics in progress at a time, beyond which they get 503: each reads as much as many
    tiles."""
    statistics_deadline: float = Field(60.0, gt=0)
    """After this long statistics are those of the areas that are finished; areas not started have none."""
    series: int = Field(16, ge=1)
    """Time series in progress at a time, beyond which requests get 503: each reads as much as a hundred tiles."""
    series_at_once: int = Field(24, ge=1, le=64)
    """Observations of one series that are read concurrently: few, so that concurrent tile requests need not wait for
    it."""
    series_deadline: float = Field(60.0, gt=0)
    """After this long a series is returned with the observations read so far; the others are listed as missing."""
    series_scenes: int = Field(1000, ge=1, le=1000)
    """Observations of one series, and their scenes, the newest ones; two satellites observe a place 146 times a
    year."""
    series_days: int = Field(365, ge=1, le=36600)
    """Days before the archive's newest scene (remote: before today) that a series covers without `datetime`."""
    series_memory_mb: int = Field(256, ge=16)
    """Memory for pixels of areas while they are sampled, in MB, of all series together; further observations wait for
    it."""
    series_cache_mb: int = Field(32, ge=0)
    """Memory for the values of observations, in MB; 32 holds about 15,000 of them, for an hour at most."""
    areas: int = Field(100, ge=1)
    """Areas of interest of one request, each of which costs as much as a request of its own."""
    area_bytes: int = Field(1_000_000, ge=1000)
    """Bytes of the GeoJSON of a request's areas; 1,000,000 is about 25,000 vertices, or 100 areas with properties."""
    area_vertices: int = Field(10_000, ge=4)
    """Vertices of all areas of a request together; with edges across 4,000,000 pixels these take three seconds."""
    area_pixels: int = Field(4_000_000, ge=1)
    """Pixels of an area's bounding box; 4,000,000 is 20 km x 20 km at 10 m. Larger areas are sampled at a coarser
    resolution."""
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Threads that decode and compute; numpy and the codecs release the GIL."""

    @field_validator("home", mode="before")
    @classmethod
    def _split_home(cls, value: object) -> object:
        return tuple(value.split(",")) if isinstance(value, str) else value

    @field_validator("home")
    @classmethod
    def _check_home(cls, value: tuple[float, float, int]) -> tuple[float, float, int]:
        lon, lat, zoom = value
        if not (-180 <= lon <= 180 and -85 <= lat <= 85 and 0 <= zoom <= 20):
            raise ValueError(
                "give longitude (-180 to 180), latitude (-85 to 85) and zoom (0 to 20), such as 11.35,46.5,12"
            )
        return value

    @field_validator("basemap")
    @classmethod
    def _check_basemap(cls, value: str) -> str:
        # The host is inserted into the Content-Security-Policy header.
        if value and not (_TEMPLATE.match(value) and all(part in value for part in ("{z}", "{x}", "{y}"))):
            raise ValueError("give a tile URL template, such as https://tile.example.org/{z}/{x}/{y}.png")
        return value

    @field_validator("catalog", mode="before")
    @classmethod
    def _split_catalogs(cls, value: object) -> object:
        # Not at blanks, which folders may contain. A folder with a comma is given as a list, as --catalog does.
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("catalog")
    @classmethod
    def _check_catalogs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("give at least one catalogue: the URL of a STAC API or the folder of a local archive")
        return value

    @field_validator("sas_token_url")
    @classmethod
    def _check_sas_token_url(cls, value: str | None) -> str | None:
        if value and not _TOKEN_URL.fullmatch(value):
            raise ValueError(
                "give an https:// URL without query, such as https://planetarycomputer.microsoft.com/api/sas/v1/token"
            )
        return value or None

    @field_validator("hosts", "sas_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip().lower() for host in value.split(",") if host.strip())
        return value

    @field_validator("collections", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return tuple(path.strip() for path in value.split(",") if path.strip()) if isinstance(value, str) else value

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Hosts that pixels may be read from."""
        return EARTH_SEARCH_HOSTS + self.hosts
