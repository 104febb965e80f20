"""A local archive: its index, and searches for its items."""
