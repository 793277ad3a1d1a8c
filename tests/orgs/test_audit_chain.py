"""The sealed log: every event hangs on the one before, and is verified again and again."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hydra.sealed import SealBroken
from orgs.models import AuditSeal, Event, Organization
from orgs.services import audits, chain, events, seals
from orgs.services.audits import Wrong
from tests.orgs.audit_log import (
    COUNT,
    at,
    found,
    happen,
    seal_all,
)

pytestmark = pytest.mark.django_db


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
