"""Scenes and observations, and the searches that find them, in a STAC API or a local archive."""
