"""`/stac`: the local archive as a STAC API, for pystac-client, QGIS, and other scogs.

Its routes are in `scog.web.stac.routes`.
"""

SEARCHES = 4
"""Searches at a time: filters are computed in Python, and maps need the processor too."""
