"""Two at once with what is good once: one gets in."""

from __future__ import annotations

import threading
import time

import pytest
import time_machine
from django.db import connections
from django.test import Client

from orgs.models import User
from tests import factories
from tests.conftest import signed_in
from tests.orgs.test_accounts import who
from tests.orgs.test_accounts_security import code_of, set_up, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("kind", ["app", "recovery code"])
def test_of_two_at_once_with_one_code_one_gets_in(kind: str) -> None:
    user = factories.make_user("olivia@northwind.example", name="Olivia")
    desk = signed_in(user)
    secret = set_up(desk)
    recovery = desk.get("/account/security/codes/").context["unused_codes"][0]
    with time_machine.travel(time.time() + 60, tick=False):
        code = code_of(secret) if kind == "app" else recovery
        browsers = [half_way(user) for _ in range(4)]
        together = threading.Barrier(len(browsers))

        def finish(browser: Client) -> None:
            together.wait()
            browser.post("/account/login/code/", {"code": code})
            connections.close_all()

        threads = [threading.Thread(target=finish, args=[browser]) for browser in browsers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert [who(browser) for browser in browsers].count(str(user.pk)) == 1


def half_way(user: User) -> Client:
    client = Client()
    assert sign_in(client, user)["Location"] == "/account/login/code/"
    return client
