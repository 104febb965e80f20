"""FIELDS: points and polygons of which numbers are asked, over time."""
