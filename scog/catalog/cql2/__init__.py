"""CQL2 filters over items."""
