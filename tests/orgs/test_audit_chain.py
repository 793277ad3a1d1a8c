"""The sealed log: whoever changes what happened is found out, and told which event it was."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hydra import cli
from hydra.sealed import SealBroken
from orgs.models import SYSTEM, AuditSeal, Event, Organization
from orgs.services import audits, chain, events, seals
from orgs.services.audits import Wrong
from orgs.services.events import Subject

pytestmark = pytest.mark.django_db

COUNT = 12


def happen(org: Organization, number: int, **data: Any) -> None:
    events.record(
        org=org,
        by=SYSTEM,
        verb="environment.created",
        subject=Subject("environment", f"env_{number}", f"Stage {number}"),
        data={"name": f"Stage {number}", **data},
    )


def seal_all() -> None:
    while events.number_events():
        pass
    while seals.seal_events():
        pass


@pytest.fixture
def org(northwind: Organization) -> Organization:
    """Northwind with twelve sealed events of its own, and no others."""
    Event.objects.all().delete()
    for number in range(1, COUNT + 1):
        happen(northwind, number, ratio=1.5, whole=100.0, nested={"b": [1, None], "a": "ä"})
    seal_all()
    return northwind


def at(org: Organization, sequence: int) -> Any:
    return Event.objects.filter(org=org, sequence=sequence)


def found(org: Organization) -> tuple[str, int]:
    fault = audits.verify(org).fault
    assert fault is not None
    return fault.wrong, fault.sequence


def exported(org: Organization) -> audits.Head:
    head = audits.head_of(org)
    return audits.Head(head["organization"], head["sequence"], head["seal"])


def reseal(org: Organization, *, key: bytes, start: int = 1) -> None:
    """What an attacker would do who knows all of this but the key."""
    seal = AuditSeal.objects.get(org=org)
    previous = at(org, start - 1).get().seal if start > 1 else ""
    for row in Event.objects.filter(org=org, sequence__gte=start).order_by("sequence").values():
        previous = chain.seal_of(row, previous=previous, key=key)
        Event.objects.filter(pk=row["id"]).update(seal=previous)
    code = chain.code_of_head(org=org.uid, sequence=seal.sequence, head=previous, key=key)
    AuditSeal.objects.filter(pk=seal.pk).update(head=previous, mac=code)


# --- Sealing ---------------------------------------------------------------------------------


def test_events_are_sealed_in_the_order_of_their_numbers(org: Organization) -> None:
    verdict = audits.verify(org)

    assert verdict == audits.Verdict(org, COUNT)
    assert AuditSeal.objects.get().head == at(org, COUNT).get().seal
    assert len(set(Event.objects.values_list("seal", flat=True))) == COUNT


def test_every_column_of_an_event_is_under_its_seal() -> None:
    columns = {field.attname for field in Event._meta.concrete_fields}

    assert set(chain.COLUMNS) == columns - {"seal", "needs_fanout"}


def test_the_bytes_under_a_seal_do_not_depend_on_the_database() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    event = dict.fromkeys(chain.COLUMNS, "x") | {
        "id": 7,
        "created_at": moment,
        "data": {"b": 100.0, "a": [{"ü": None, "t": True}], "c": 1.5},
    }
    as_other_databases_give_it = event | {
        "created_at": moment.astimezone(timezone.get_fixed_timezone(120)),
        "data": {"c": 1.5, "a": [{"t": True, "ü": None}], "b": 100},
    }

    sealed = chain.canonical(event)

    assert sealed == chain.canonical(as_other_databases_give_it)
    assert b'"created_at":"2026-01-02T03:04:05.000006+00:00"' in sealed
    assert b'"data":{"a":[{"t":true,"\\u00fc":null}],"b":100,"c":1.5}' in sealed


def test_a_batch_is_sealed_in_as_many_statements_however_large_it_is(org: Organization) -> None:
    def statements(count: int) -> int:
        for number in range(count):
            happen(org, number)
        events.number_events()
        with CaptureQueriesContext(
            connection,
        ) as context:
            assert seals.seal_events() == count
        return len(context)

    assert statements(3) == statements(150) <= 9


def test_sealing_twice_seals_nothing_twice(org: Organization) -> None:
    before = list(Event.objects.order_by("pk").values_list("seal", flat=True))

    assert seals.seal_events() == 0
    assert list(Event.objects.order_by("pk").values_list("seal", flat=True)) == before


def test_each_organization_has_a_chain_and_a_key_of_its_own(
    org: Organization, southwind: Organization
) -> None:
    seal_all()

    ours, theirs = AuditSeal.objects.get(org=org), AuditSeal.objects.get(org=southwind)

    assert ours.open_key() != theirs.open_key()
    theirs.key_sealed = ours.key_sealed
    with pytest.raises(SealBroken):
        theirs.open_key()


def test_the_chain_outlives_the_keys_of_the_installation(
    org: Organization, settings: LazySettings
) -> None:
    old, new = settings.HYDRA_ENCRYPTION_KEYS, {"k-next": os.urandom(32)}
    settings.HYDRA_ENCRYPTION_KEYS = new | old
    seal = AuditSeal.objects.get(org=org)
    seal.seal_key(seal.open_key())
    seal.save(update_fields=["key_sealed"])

    settings.HYDRA_ENCRYPTION_KEYS = new

    assert audits.verify(org) == audits.Verdict(org, COUNT)


def test_without_the_key_nothing_is_sealed_and_the_page_says_why(
    org: Organization, settings: LazySettings
) -> None:
    settings.HYDRA_ENCRYPTION_KEYS = {"another": os.urandom(32)}
    happen(org, 13)
    events.number_events()

    assert seals.seal_events() == 0
    assert found(org) == (Wrong.HEAD, COUNT)
    assert AuditSeal.objects.get(org=org).fault == seals.KEY_LOST


# --- Tampering -------------------------------------------------------------------------------

EDITS: dict[str, Any] = {
    "id": 1_000_000,
    "uid": "evt_forged",
    "verb": "environment.deleted",
    "actor_kind": "user",
    "actor_uid": "usr_somebody",
    "actor_label": "Somebody Else",
    "subject_kind": "project",
    "subject_uid": "prj_other",
    "subject_label": "Other",
    "data": {"name": "Stage 5", "nested": {}},
    "request_id": "req_forged",
    "address": "192.0.2.1",
    "created_at": datetime(2020, 1, 1, tzinfo=UTC),
}


@pytest.mark.parametrize("column", EDITS)
def test_an_edited_column_is_found(org: Organization, column: str) -> None:
    at(org, 5).update(**{column: EDITS[column]})

    assert found(org) == (Wrong.EDITED, 5)


def test_no_column_is_forgotten_by_the_edits() -> None:
    assert set(EDITS) | {"org_id", "sequence"} == set(chain.COLUMNS)


def test_an_event_moved_to_another_organization_is_missed(
    org: Organization, southwind: Organization
) -> None:
    at(org, 5).update(org=southwind, sequence=1_000)

    assert found(org) == (Wrong.DELETED, 5)


def test_two_events_that_changed_places_are_found(org: Organization) -> None:
    at(org, 5).update(sequence=1_000)
    at(org, 6).update(sequence=5)
    at(org, 1_000).update(sequence=6)

    assert found(org)[1] == 5


def test_an_edited_last_event_is_found(org: Organization) -> None:
    at(org, COUNT).update(verb="environment.deleted")

    assert found(org) == (Wrong.EDITED, COUNT)


def test_a_changed_seal_is_found(org: Organization) -> None:
    at(org, 5).update(seal="0" * 64)

    assert found(org) == (Wrong.EDITED, 5)


def test_an_event_deleted_in_the_middle_is_missed(org: Organization) -> None:
    at(org, 5).delete()

    assert found(org) == (Wrong.DELETED, 5)


def test_all_events_deleted_are_missed(org: Organization) -> None:
    Event.objects.filter(org=org).delete()

    assert found(org) == (Wrong.CUT, 1)


def test_a_tail_cut_off_is_missed_also_when_new_events_come(org: Organization) -> None:
    Event.objects.filter(org=org, sequence__gt=9).delete()

    assert found(org) == (Wrong.CUT, 10)
    happen(org, 99)
    seal_all()
    assert found(org) == (Wrong.DELETED, 10)


def test_an_event_put_in_the_place_of_another_is_found(org: Organization) -> None:
    at(org, 5).delete()
    happen(org, 5)
    Event.objects.filter(org=org, sequence=None).update(sequence=5)

    assert found(org) == (Wrong.INSERTED, 5)
    assert seals.seal_events() == 0


def test_an_event_put_in_between_with_all_others_moved_is_found(org: Organization) -> None:
    for sequence in range(COUNT, 4, -1):
        at(org, sequence).update(sequence=sequence + 1)
    happen(org, 5)
    Event.objects.filter(org=org, sequence=None).update(sequence=5, seal="f" * 64)

    assert found(org) == (Wrong.FOREIGN, 5)


def test_an_event_put_in_before_the_first_is_found(org: Organization) -> None:
    happen(org, 0)
    Event.objects.filter(org=org, sequence=None).update(sequence=0, seal="f" * 64)

    assert found(org) == (Wrong.INSERTED, 0)


def test_a_chain_recomputed_with_another_key_is_found(org: Organization) -> None:
    at(org, 5).update(verb="environment.deleted")
    head = AuditSeal.objects.get(org=org)
    reseal(org, key=b"not the key, but one of 32 bytes", start=5)

    assert found(org) == (Wrong.HEAD, COUNT)
    AuditSeal.objects.filter(org=org).update(head=head.head, mac=head.mac)
    assert found(org) == (Wrong.FOREIGN, 5)


def test_an_altered_head_is_found_and_nothing_is_sealed_behind_it(org: Organization) -> None:
    AuditSeal.objects.filter(org=org).update(sequence=9)
    happen(org, 13)
    events.number_events()

    assert seals.seal_events() == 0
    assert found(org) == (Wrong.HEAD, 9)
    assert at(org, 13).get().seal == ""


def test_a_head_that_is_gone_is_missed_and_a_new_chain_does_not_hide_it(org: Organization) -> None:
    AuditSeal.objects.all().delete()

    assert found(org) == (Wrong.HEAD, 0)
    happen(org, 13)
    seal_all()
    assert found(org) == (Wrong.HEAD, 1)
    assert AuditSeal.objects.get(org=org).fault == seals.HEAD_PUT_BACK


def test_an_older_head_put_back_is_found_by_the_events_behind_it(org: Organization) -> None:
    older = AuditSeal.objects.get(org=org)
    happen(org, 13)
    seal_all()
    put_back(older)
    happen(org, 14)
    events.number_events()

    assert seals.seal_events() == 0
    assert found(org) == (Wrong.HEAD, 13)


def test_a_cut_tail_with_its_older_head_put_back_is_found_by_an_exported_head_alone(
    org: Organization,
) -> None:
    older = AuditSeal.objects.get(org=org)
    happen(org, 13)
    seal_all()
    kept = exported(org)
    at(org, 13).delete()
    put_back(older)

    assert audits.verify(org) == audits.Verdict(org, COUNT)
    fault = audits.verify(org, exported=kept).fault
    assert fault is not None
    assert (fault.wrong, fault.sequence) == (Wrong.CUT, 13)
    happen(org, 14)
    seal_all()
    fault = audits.verify(org, exported=kept).fault
    assert fault is not None
    assert (fault.wrong, fault.sequence) == (Wrong.REWRITTEN, 13)


def put_back(older: AuditSeal) -> None:
    AuditSeal.objects.filter(pk=older.pk).update(
        sequence=older.sequence, head=older.head, mac=older.mac
    )


def test_an_exported_head_of_the_chain_fits_it_also_later(org: Organization) -> None:
    kept = exported(org)
    happen(org, 13)
    seal_all()

    assert audits.verify(org, exported=kept) == audits.Verdict(org, 13)


# --- What is kept of it ----------------------------------------------------------------------


def test_what_was_found_is_kept_and_a_new_fault_is_an_event_once(org: Organization) -> None:
    audits.verify(org)
    seal = AuditSeal.objects.get(org=org)
    assert (seal.verified_sequence, seal.fault) == (COUNT, "")

    at(org, 5).update(verb="environment.deleted")
    audits.verify(org)
    audits.verify(org)

    seal.refresh_from_db()
    uid = at(org, 5).get().uid
    assert seal.verified_sequence == 4
    assert seal.fault == (
        f"Event 5 ({uid}, environment.deleted) was edited: it is not what was sealed."
    )
    [event] = Event.objects.filter(verb="audit.fault_found")
    assert event.data == {"fault": seal.fault}


def test_each_chain_is_verified_once_a_day(org: Organization) -> None:
    assert audits.verify_due() == 1
    assert audits.verify_due() == 0
    assert AuditSeal.objects.get().verify_due_at > timezone.now() + timedelta(hours=23)


def test_a_long_chain_is_verified_in_slices(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "VERIFY_BATCH", 5)

    reached = []
    for _ in range(3):
        verdict = audits.verify(org, seconds=0)
        reached.append((verdict.sequence, verdict.is_whole))

    assert reached == [(5, False), (10, False), (COUNT, False)]
    assert AuditSeal.objects.get().verified_at is None
    assert audits.verify(org, seconds=5) == audits.Verdict(org, COUNT)
    seal = AuditSeal.objects.get()
    assert (seal.verified_sequence, seal.checked_sequence) == (COUNT, 0)


def test_a_fault_in_a_later_slice_is_found(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "VERIFY_BATCH", 5)
    at(org, 8).delete()

    assert audits.verify(org, seconds=0).fault is None
    fault = audits.verify(org, seconds=0).fault

    assert fault is not None
    assert (fault.wrong, fault.sequence) == (Wrong.DELETED, 8)


# --- The command -----------------------------------------------------------------------------

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
