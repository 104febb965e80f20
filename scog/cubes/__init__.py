"""Cubes: definitions of computations, each stored under an id."""
