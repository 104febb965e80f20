"""Run the command `scog` as `python -m scog`."""

import sys

from scog.cli import main

sys.exit(main())
