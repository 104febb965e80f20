"""RFC 3339 intervals and calendar steps."""
