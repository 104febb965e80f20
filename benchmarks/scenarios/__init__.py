"""What is measured. Each file is one kind of work; each function runs it on a `Bench` and leaves rows there."""
