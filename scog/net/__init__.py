"""How scog speaks to other machines: one policy for pixels (aiohttp) and catalogues (httpx)."""
