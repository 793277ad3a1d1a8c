"""Whoever changes what happened is found out, and told which event it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from orgs.models import AuditSeal, Event, Organization
from orgs.services import audits, chain, events, seals
from orgs.services.audits import Wrong
from tests.orgs.audit_log import (
    COUNT,
    at,
    exported,
    found,
    happen,
    put_back,
    seal_all,
)

pytestmark = pytest.mark.django_db


def reseal(org: Organization, *, key: bytes, start: int = 1) -> None:
    """What an attacker would do who knows all of this but the key."""
    seal = AuditSeal.objects.get(org=org)
    previous = at(org, start - 1).get().seal if start > 1 else ""
    for row in Event.objects.filter(org=org, sequence__gte=start).order_by("sequence").values():
        previous = chain.seal_of(row, previous=previous, key=key)
        Event.objects.filter(pk=row["id"]).update(seal=previous)
    code = chain.code_of_head(org=org.uid, sequence=seal.sequence, head=previous, key=key)
    AuditSeal.objects.filter(pk=seal.pk).update(head=previous, mac=code)


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


def test_an_exported_head_of_the_chain_fits_it_also_later(org: Organization) -> None:
    kept = exported(org)
    happen(org, 13)
    seal_all()

    assert audits.verify(org, exported=kept) == audits.Verdict(org, 13)
