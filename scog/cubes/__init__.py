"""Cubes: computations frozen behind an id."""
