"""scog turns Sentinel-2 archives that somebody else stores into maps and answers, while you look."""

__version__ = "0.1.0"
