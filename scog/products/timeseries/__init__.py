"""Time series of areas, one row an observation."""
