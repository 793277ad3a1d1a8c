"""`python -m hydra` is the `hydra` command."""

import sys

from hydra.cli import main

sys.exit(main())
