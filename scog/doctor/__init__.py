"""`scog doctor`: whether the catalogue answers, whether its pixels can be read, and what the line allows."""

from scog.doctor.examination import examine
from scog.doctor.finding import Finding

__all__ = ["Finding", "examine"]
