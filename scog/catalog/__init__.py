"""Scenes and observations, and searches for them in a STAC API or a local archive."""
