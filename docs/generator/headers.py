"""headers.md: every response header that scog sets."""

from __future__ import annotations

from docs.generator.markdown import code, document, table
from scog.web.http.response_headers import HEADERS

INTRODUCTION = """\
Headers of scog's responses. `Access-Control-Expose-Headers` lists those of the first table, so scripts of other origins
can read them. Texts are ASCII; lists and messages are cut at a length that fits into a header, and the JSON of
`application/problem+json`, time series and statistics has them in full.

Of requests, scog reads `Accept`, `Accept-Encoding`, `If-None-Match`, `If-Range`, `Range` and, for links, `Host`."""


def page() -> str:
    """The page."""
    exposed, others = [
        [
            (code(name), code(each.example), each.description)
            for name, each in HEADERS.items()
            if each.is_exposed is kind
        ]
        for kind in (True, False)
    ]
    columns = ("header", "example", "meaning")
    return document(
        "Response headers", INTRODUCTION, table(columns, exposed), "## For browsers and caches", table(columns, others)
    )
