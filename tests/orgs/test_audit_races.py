"""Two who seal at once, on real connections: one chain comes of it."""

from __future__ import annotations

import pytest

from orgs.models import AuditSeal, Event
from orgs.services import audits, events, seals
from tests import factories
from tests.orgs.audit_log import happen
from tests.together import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def seal_what_there_is(_: int) -> int:
    total = 0
    while count := seals.seal_events():
        total += count
    return total


def test_several_workers_at_once_make_one_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "SEAL_BATCH", 7)
    org = factories.make_org()
    for number in range(50):
        happen(org, number)
    events.number_events()

    sealed = at_once(4, seal_what_there_is)

    assert sum(sealed) == Event.objects.count()
    assert AuditSeal.objects.count() == 1
    assert audits.verify(org) == audits.Verdict(org, Event.objects.count())


def test_a_chain_is_verified_while_it_grows() -> None:
    org = factories.make_org()
    events.number_events()
    seals.seal_events()

    def act(number: int) -> object:
        if number:
            return audits.verify(org).fault
        for more in range(20):
            happen(org, more)
            events.number_events()
            seals.seal_events()
        return None

    assert at_once(3, act) == [None, None, None]
    assert audits.verify(org).fault is None
