"""`python -m agents.program …`, the same as `python3 hydra-agent.pyz …`."""

from __future__ import annotations

import sys

from agents.program.cli import main

if __name__ == "__main__":
    sys.exit(main())
