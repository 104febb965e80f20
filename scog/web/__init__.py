"""The HTTP interface: parses requests, calls the package, and encodes responses."""
