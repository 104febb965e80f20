"""Masks, and how the observations of a pixel become one value. Pure numbers."""
