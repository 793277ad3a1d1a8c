"""The agent: takes jobs from its server and runs them here. The standard library alone.

Runs on Python 3.9 and later, on Linux, macOS and Windows, from a checkout and from
`hydra-agent.pyz`. It knows `agents.protocol` and nothing else of Hydra.
"""

from __future__ import annotations

__version__ = "1.0.0"
