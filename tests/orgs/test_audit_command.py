"""`hydra verify-audit`: whether the log is whole, also against a head that was exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hydra import cli
from orgs.models import Organization
from orgs.services import audits
from tests.orgs.audit_log import (
    COUNT,
    at,
    seal_all,
)

pytestmark = pytest.mark.django_db


Capture = pytest.CaptureFixture[str]


def test_the_command_says_that_all_is_well(org: Organization, capsys: Capture) -> None:
    assert cli.main(["verify-audit"]) == 0
    assert capsys.readouterr().out == f"northwind: verified up to event {COUNT}\n"


def test_the_command_names_what_is_wrong_and_fails(
    org: Organization, southwind: Organization, capsys: Capture
) -> None:
    seal_all()
    at(org, 5).delete()

    assert cli.main(["verify-audit"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "northwind: deleted: event 5: Event 5 was deleted.",
        "southwind: verified up to event 2",
    ]
    assert cli.main(["verify-audit", "--org", "southwind"]) == 0


def test_the_command_holds_the_chain_against_an_exported_head(
    org: Organization, capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "head.json"
    head = audits.head_of(org) | {"sealed_at": None}
    file.write_text(json.dumps(head))
    assert cli.main(["verify-audit", "--head", str(file)]) == 0

    file.write_text(json.dumps({"data": head | {"sequence": 40}}))
    assert cli.main(["verify-audit", "--head", str(file)]) == 1

    assert capsys.readouterr().out.splitlines() == [
        "northwind: verified up to event 12",
        (
            "northwind: tail cut: event 13: Events 13 to 40 were cut off: "
            "the chain was sealed up to 40."
        ),
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"organization": "x"}', "\x00"])
def test_the_command_refuses_what_is_no_head(
    northwind: Organization, content: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "head.json"
    file.write_text(content)

    assert cli.main(["verify-audit", "--head", str(file)]) == 2
    assert "is no exported head" in capsys.readouterr().err


def test_the_command_knows_no_other_organization(northwind: Organization, capsys: Capture) -> None:
    assert cli.main(["verify-audit", "--org", "nowhere"]) == 2
    assert capsys.readouterr().err == "hydra: There is no such organization.\n"
