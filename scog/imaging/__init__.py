"""One image: its request, selection of observations, mosaic or stack, cache and report."""
