"""Time series of areas of interest, one row per observation."""
