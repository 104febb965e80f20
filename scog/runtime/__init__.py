"""Tasks, single flight, caches and budgets: what any asynchronous service needs, with no word of images."""
