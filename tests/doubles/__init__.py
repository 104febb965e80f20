"""Test doubles: servers with injected faults, catalogues, archives, rasters, and oracles."""
