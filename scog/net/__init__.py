"""How scog speaks to other machines: one policy for pixels (a client of our own) and catalogues (httpx)."""
