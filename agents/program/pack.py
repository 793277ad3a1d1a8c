"""Packs the agent into one file, `hydra-agent.pyz`, the same bytes from the same sources."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

_SHEBANG = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip archive knows
_MAIN = b"""\
import sys

if sys.version_info < (3, 9):
    sys.exit("hydra-agent needs Python 3.9 or newer, not " + sys.version.split()[0] + ".")

from agents.program.cli import main

sys.exit(main())
"""


def build_pyz(path: Path | str) -> str:
    """Write the archive to `path`, whole or not at all; the SHA-256 of its bytes.

    Nothing of the machine or the hour gets in: the entries are sorted, dated alike and stored
    as they are, since a compressor's output differs between versions.
    """
    content = _archive()
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.write_bytes(content)
    temporary.chmod(0o755)
    temporary.replace(target)
    return hashlib.sha256(content).hexdigest()


def _archive() -> bytes:
    buffer = io.BytesIO()
    buffer.write(_SHEBANG)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(_entries().items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _entries() -> dict[str, bytes]:
    """The files of the archive. `agents` is an empty package there: the app of that name stays."""
    program = Path(__file__).parent
    entries = {
        "__main__.py": _MAIN,
        "agents/__init__.py": b"",
        "agents/protocol.py": (program.parent / "protocol.py").read_bytes(),
    }
    for source in program.glob("*.py"):
        if source.name != Path(__file__).name:
            entries[f"agents/program/{source.name}"] = source.read_bytes()
    return entries
