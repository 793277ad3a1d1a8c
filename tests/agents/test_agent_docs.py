"""docs/agent-protocol.md names what there is, and nothing that there is not."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from agents import protocol
from agents.program.cli import _parser

TEXT = (Path(__file__).parents[2] / "docs/agent-protocol.md").read_text()
SHAPES = [
    shape
    for shape in vars(protocol).values()
    if isinstance(shape, type)
    and hasattr(shape, "__total__")
    and shape.__module__ == protocol.__name__
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_field_of_the_wire_is_documented(shape: type) -> None:
    for name in shape.__annotations__:
        assert re.search(rf"[`\"&?]{name}[`\"=]", TEXT), f"{shape.__name__}.{name}"


def test_every_path_and_code_is_documented() -> None:
    paths = (protocol.HELLO, protocol.HEARTBEAT, protocol.JOBS, protocol.POLL, protocol.DOWNLOAD)
    for word in (*paths, protocol.SUPERSEDED, protocol.FENCED, protocol.TOO_OLD):
        assert word in TEXT


def test_the_documented_options_are_those_there_are() -> None:
    parser = _parser()
    (commands,) = (
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    options = {
        option
        for command in commands.choices.values()
        for action in command._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    table = TEXT.partition("## Running it")[2].partition("## What a script gets")[0]
    rows = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"--[a-z-]+", rows)) == options
