"""Grids, CRS, bounds, footprints, index maps and resampling supports. Pure geometry."""
