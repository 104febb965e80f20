"""Every response header that scog sets: example, meaning, and whether scripts of other origins may read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Header(NamedTuple):
    """One response header.

    `type` is its JSON schema type. `is_exposed` headers are listed in `Access-Control-Expose-Headers`, so that scripts
    of other origins can read them.
    """

    example: str
    description: str
    is_exposed: bool = False
    type: str = "string"


HEADERS: Mapping[str, Header] = MappingProxyType(
    {
        # Pixels
        "Accept-Ranges": Header(
            "bytes", "The response can be read in parts with `Range` (RFC 9110, section 14).", True
        ),
        "Content-Bbox": Header(
            "689040.0,5136200.0,712120.0,5158990.0",
            "Bounds of a crop's pixels: minx, miny, maxx, maxy in `Content-Crs`.",
            True,
        ),
        "Content-Crs": Header("<http://www.opengis.net/def/crs/EPSG/0/32632>", "CRS of a crop's pixels.", True),
        "Content-Disposition": Header(
            'attachment; filename="scog_11.2_46.4_11.5_46.6.tif"',
            "Name under which browsers save a crop (`download=true`) or a CSV file.",
            True,
        ),
        "Content-Range": Header("bytes 0-16383/1048576", "The range of a 206 response, and the total size.", True),
        # Caching
        "ETag": Header(
            '"5f8c0d2a"', "Identifies the content. Send it as `If-None-Match` to get 304 if nothing changed.", True
        ),
        "Retry-After": Header(
            "5",
            "Seconds to wait before repeating a request that failed or whose image is partial: 1 after a timeout, 5 "
            "while a file or the catalogue recovers, 60 if all files are missing or refused. Absent if repeating would "
            "not help.",
            True,
            "integer",
        ),
        # Scenes and costs
        "Server-Timing": Header(
            "search;dur=12.0, mask;dur=80.1, read;dur=95.3, encode;dur=0.6",
            "Milliseconds by stage; `mask` and `read` include waiting for the files' hosts.",
            True,
        ),
        "X-Scog-Scenes": Header(
            "used=2; skipped=0", "Number of scenes used, and of scenes that could not be read.", True
        ),
        "X-Scog-Used": Header(
            "S2A_32TPS_20220612_0_L2A", "Ids of the scenes used: at most ten, then the number of the rest.", True
        ),
        "X-Scog-Skipped": Header(
            "S2B_32TPS_20220607_0_L2A;http-404",
            "Scenes that could not be read, each with a reason code: at most ten, then the number of the rest.",
            True,
        ),
        "X-Scog-Detail": Header(
            "nir (files.example.org/B08.tif): There is no such file.",
            "Details of the skipped scenes: band, file, error, and what to do.",
            True,
        ),
        "X-Scog-Unmasked": Header(
            "my-scene-2022-06-12;no-scl",
            "Scenes to which a part of the mask could not be applied, each with the bands or sets that it lacks.",
            True,
        ),
        "X-Scog-Offset": Header(
            "-0.1 (estimated from pixels)",
            "Guessed reflectance offset of the scenes used, and how it was guessed, if their metadata does not "
            "determine it; with scene ids if it does not apply to all: at most ten, then the number of the rest. The "
            "parameter `offset` overrides it.",
            True,
        ),
        "X-Scog-Notes": Header(
            "nir is nir08; red: scale 0.0001 and offset 0 by the file's tags",
            "What was guessed about the bands of the scenes used or contradicts itself, and what of the request is "
            "ignored.",
            True,
        ),
        "X-Scog-Truncated": Header(
            "true", "More scenes matched than one response may use; the newest were used.", True
        ),
        "X-Scog-Incomplete": Header("deadline", "Why scenes are missing: `deadline` or `catalogue`.", True),
        "X-Scog-Catalog": Header(
            "stale; age=900",
            "The catalogue did not answer in time; a search cached `age` seconds ago was used.",
            True,
        ),
        "X-Scog-Flattened": Header(
            "white", "The colour of invalid pixels in a format without transparency (JPEG).", True
        ),
        "X-Scog-Frames": Header(
            "shown=9; skipped=3; missing=0",
            "Frames of an animation: shown, skipped (too few valid pixels), and missing (not finished in time).",
            True,
        ),
        "X-Scog-Preview": Header(
            "ratio=16; observations=1",
            "The image is a preview: pixels are up to `ratio` times larger than requested, and only `observations` "
            "observations were used.",
            True,
        ),
        "X-Scog-Repaired": Header("closed ring 0", "Repairs of the GeoJSON of a crop or a cube.", True),
        "X-Scog-Upstream": Header(
            "requests=12; bytes=3400000; searches=1",
            "Range requests to files, their bytes, and searches that the response needed; also sent with errors 502 "
            "and 504.",
            True,
        ),
        # Not exposed: meant for browsers and caches
        "Cache-Control": Header(
            "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=86400",
            "How long caches may store the response: a complete image an hour, a partial one 30 s, a preview 5 s, an "
            "image of a cube with pinned scenes for good, an error not at all.",
        ),
        "Vary": Header("Accept-Encoding", "Request headers that the response depends on."),
        "Content-Encoding": Header("gzip", "Text is compressed for clients that accept gzip; its ETag is then weak."),
        "Location": Header("/cubes/6b1f0c5e", "URL of the cube, after `POST /cubes`."),
        "Allow": Header("GET", "Methods that the URL supports, in a 405 response."),
        "Content-Security-Policy": Header("default-src 'none'; ...", "What the pages at `/` and `/docs` may load."),
        "Referrer-Policy": Header(
            "strict-origin-when-cross-origin", "The base map's host learns only the origin of the page at `/`."
        ),
        "X-Content-Type-Options": Header("nosniff", "Browsers must not guess the media type of pages, files and text."),
        "X-Accel-Buffering": Header("no", "A reverse proxy must not buffer server-sent events."),
    }
)
EXPOSED_HEADERS = tuple(name for name, header in HEADERS.items() if header.is_exposed)
IMAGE_HEADERS = (
    "ETag", "Retry-After", "Server-Timing", "X-Scog-Scenes", "X-Scog-Used", "X-Scog-Skipped", "X-Scog-Detail",
    "X-Scog-Unmasked", "X-Scog-Offset", "X-Scog-Notes", "X-Scog-Truncated", "X-Scog-Incomplete", "X-Scog-Catalog",
    "X-Scog-Flattened", "X-Scog-Preview", "X-Scog-Upstream",
)  # fmt: skip
"""Headers that the OpenAPI document lists for image responses."""


def openapi_headers(names: Iterable[str]) -> dict[str, Any]:
    """OpenAPI header objects by name."""
    return {name: {"schema": {"type": HEADERS[name].type}, "description": HEADERS[name].description} for name in names}
