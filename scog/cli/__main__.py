"""`python -m scog.cli` is the command `scog`."""

import sys

from scog.cli import main

sys.exit(main())
