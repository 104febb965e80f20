"""`/stac`: the local archive as a STAC API, for pystac-client, QGIS and other scog servers.

The routes are in `scog.web.stac.routes`.
"""

SEARCHES = 4
"""Maximum number of concurrent searches. Filters are evaluated in Python, and maps need the processor too."""
