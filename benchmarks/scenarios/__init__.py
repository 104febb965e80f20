"""The scenarios. Each file has one kind of work; each function runs it on a `Bench`, which records the rows."""
