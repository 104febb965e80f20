"""`scog doctor`: checks the catalogue and its pixels, and measures the network."""

from scog.doctor.examination import examine
from scog.doctor.finding import Finding

__all__ = ["Finding", "examine"]
