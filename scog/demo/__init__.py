"""The made-up archive that `scog demo` serves."""
