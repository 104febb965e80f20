"""CQL2 filters of items."""
