"""Network access under one policy: a small HTTP client for pixels, httpx for catalogues."""
