"""Statistics of areas."""
