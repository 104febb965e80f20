"""`python -m scog` is the command `scog`."""

import sys

from scog.cli import main

sys.exit(main())
