"""Zonal statistics: statistics of polygons, pixels weighted by coverage."""
