"""Masks, and reducers of the observations of a pixel to one value. Arrays only, no I/O."""
