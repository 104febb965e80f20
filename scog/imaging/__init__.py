"""One image: its request, the observations it is made of, the values, the cache."""
