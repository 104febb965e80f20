"""Parameters of requests, from query strings and bodies."""
