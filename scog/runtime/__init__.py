"""Tasks, single flight, caches and budgets: for any asynchronous service, independent of images."""
