"""Entry point of `python -m scog.cli`."""

import sys

from scog.cli import main

sys.exit(main())
