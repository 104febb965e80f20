"""`scog doctor`: checks the catalogue and its files, and measures the network."""

from scog.cli.doctor.examination import examine
from scog.cli.doctor.finding import Finding

__all__ = ["Finding", "examine"]
