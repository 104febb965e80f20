"""A local archive: its index, and item searches in it."""
