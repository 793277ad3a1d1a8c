"""The page that explains merging is itself an example that has to come out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from projects.merging import FileType, merge

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration-files.md"
BLOCK = re.compile(r"```\w+\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("file_type", list(FileType))
def test_the_examples_of_the_page_come_out(file_type: FileType) -> None:
    section = PAGE.read_text().partition(f"## {file_type}\n")[2].partition("\n## ")[0]
    base, override, result = BLOCK.findall(section)

    assert merge(file_type, base, override).text == result
