"""Expressions over bands, and the table of spectral indices."""
