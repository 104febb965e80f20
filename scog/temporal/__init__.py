"""Time: intervals as RFC 3339 writes them, and steps of the calendar."""
