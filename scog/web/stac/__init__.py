"""`/stac`: the local archive as a STAC API, for pystac-client, QGIS, and other scogs."""

from scog.web.stac.routes import add_to

__all__ = ["add_to"]
