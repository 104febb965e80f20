"""What all routes share of HTTP: problems, responses, links, limits."""
