"""Documents, and the generator of docs/reference/."""
