"""General, users, invite codes and the order of environments, as their pages do them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone

from orgs.models import Environment, InviteCode, Membership, Organization, Role, User
from orgs.services import organizations
from tests import factories
from tests.conftest import signed_in

SETTINGS = "/o/northwind/settings/"
GENERAL = {"name": "North", "time_zone": "Europe/Berlin", "website": "https://north.example"}


def text_of(answer: Any) -> str:
    """The words of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def member_of(user: User) -> Membership:
    return Membership.objects.get(user=user, org__slug="northwind")


# --- General -----------------------------------------------------------------------------------


def test_general_is_saved_and_shown(northwind: Organization, olivia: User) -> None:
    owner = signed_in(olivia)

    saved = owner.post(SETTINGS + "general/save/", {**GENERAL, "managers_may_edit": "on"})

    assert saved.status_code == 302
    northwind.refresh_from_db()
    assert (northwind.name, northwind.time_zone) == ("North", "Europe/Berlin")
    assert northwind.managers_may_edit
    shown = owner.get(SETTINGS + "general/").content.decode()
    assert '<option value="Europe/Berlin" selected>Berlin</option>' in shown


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"website": "javascript:alert(1)"}, "website"),
        ({"billing_email": "nobody"}, "billing_email"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"requires_two_factor": "on"}, "requires_two_factor"),
    ],
)
def test_a_mistake_in_general_stands_at_its_field(
    northwind: Organization, olivia: User, typed: dict[str, str], field: str
) -> None:
    answer = signed_in(olivia).post(SETTINGS + "general/save/", {**GENERAL, **typed})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    northwind.refresh_from_db()
    assert (northwind.name, northwind.requires_two_factor) == ("Northwind", False)


def test_a_manager_edits_general_only_when_let_and_never_the_owners_choices(
    northwind: Organization, max: User
) -> None:
    manager, typed = signed_in(max), {**GENERAL, "requires_two_factor": "on"}

    assert manager.post(SETTINGS + "general/save/", typed).status_code == 403
    assert "Owners can change it." in text_of(manager.get(SETTINGS + "general/"))
    Organization.objects.update(managers_may_edit=True)
    assert manager.post(SETTINGS + "general/save/", typed).status_code == 302

    northwind.refresh_from_db()
    assert northwind.name == "North"
    assert (northwind.managers_may_edit, northwind.requires_two_factor) == (True, False)


def test_ownership_is_handed_over(northwind: Organization, olivia: User, max: User) -> None:
    owner = signed_in(olivia)

    owner.post(SETTINGS + "general/transfer/", {"heir": member_of(max).uid, "left_as": "manager"})

    assert (member_of(max).role, member_of(olivia).role) == (Role.OWNER, Role.MANAGER)
    assert owner.get(SETTINGS + "general/transfer/").status_code == 403


def test_a_stranger_is_no_heir(northwind: Organization, olivia: User, sam: User) -> None:
    foreign = factories.make_org("Elsewhere", owner=sam)
    sent = {"heir": Membership.objects.get(org=foreign).uid, "left_as": "manager"}

    answer = signed_in(olivia).post(SETTINGS + "general/transfer/", sent)

    assert answer.status_code == 422
    assert member_of(olivia).role == Role.OWNER


def test_deletion_lists_what_goes_and_wants_the_name(northwind: Organization, olivia: User) -> None:
    factories.make_project(northwind)
    owner = signed_in(olivia)

    assert "Project 1" in text_of(owner.get(SETTINGS + "general/delete/"))
    wrong = owner.post(SETTINGS + "general/delete/", {"name": "north"})
    assert wrong.status_code == 422
    assert Organization.objects.filter(pk=northwind.pk).exists()
    gone = owner.post(SETTINGS + "general/delete/", {"name": "Northwind"}, follow=True)

    assert gone.redirect_chain == [("/account/", 302)]
    assert not Organization.objects.filter(pk=northwind.pk).exists()
    assert owner.get(SETTINGS + "general/").status_code == 404


# --- Users -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["users/", "invites/"])
def test_the_place_of_people_has_one_name(northwind: Organization, olivia: User, page: str) -> None:
    shown = signed_in(olivia).get(SETTINGS + page).content.decode()

    assert "<h1>Users &amp; Permissions</h1>" in shown
    [here] = re.findall(r'aria-current="[a-z]+"><svg.*?</svg><span>([^<]+)</span>', shown)
    assert here == "Users &amp; Permissions"


def test_each_sees_the_pencil_beside_those_they_may_touch(
    northwind: Organization, olivia: User, max: User, uma: User
) -> None:
    def touchable(viewer: User) -> set[str]:
        page = signed_in(viewer).get(SETTINGS + "users/").content.decode()
        return set(re.findall(r'aria-label="Change the role of (\w+)', page))

    assert touchable(olivia) == {"Max", "Uma"}
    assert touchable(max) == {"Uma"}
    assert touchable(uma) == set()


def test_a_role_changes_and_a_member_goes(northwind: Organization, olivia: User, uma: User) -> None:
    owner, theirs = signed_in(olivia), signed_in(uma)
    assert theirs.get(SETTINGS + "users/").status_code == 200

    owner.post(f"{SETTINGS}users/{member_of(uma).uid}/role/", {"role": "ORG_BILLING"})
    assert member_of(uma).role == Role.BILLING
    assert theirs.get(SETTINGS + "users/").status_code == 403
    owner.post(f"{SETTINGS}users/{member_of(uma).uid}/remove/")

    assert not Membership.objects.filter(user=uma).exists()
    assert theirs.get(SETTINGS + "users/").status_code == 404


@pytest.mark.parametrize("act", ["role", "remove"])
def test_a_manager_reads_why_an_owner_stays(
    northwind: Organization, olivia: User, max: User, act: str
) -> None:
    path = f"{SETTINGS}users/{member_of(olivia).uid}/{act}/"

    assert "Only an owner may change that." in text_of(signed_in(max).get(path))
    assert signed_in(max).post(path, {"role": "ORG_USER"}).status_code == 403
    assert member_of(olivia).role == Role.OWNER


def test_users_are_found_by_name_and_role(northwind: Organization, cast: dict[str, User]) -> None:
    def found(query: str) -> list[str]:
        page = signed_in(cast["olivia"]).get(f"{SETTINGS}users/?{query}").context["page"]
        return [row.user.name.split()[0] for row in page.object_list]

    assert found("q=UMA%40") == ["Uma"]
    assert found("role=ORG_BILLING") == ["Bill"]
    assert found("q=zebra&role=ORG_USER") == []
    assert found("role=nonsense") == ["Bill", "Max", "Olivia", "Uma"]


# --- Invite codes ------------------------------------------------------------------------------


def test_a_code_is_shown_once_with_a_link_that_carries_it(
    northwind: Organization, max: User
) -> None:
    manager = signed_in(max)

    made = manager.post(SETTINGS + "invites/new/", {"role": "ORG_USER"})

    code = made.context["code"]
    assert f'/account/signup/?code={code}"' in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert code not in manager.get(SETTINGS + "invites/").content.decode()


def test_a_void_code_says_why(northwind: Organization, olivia: User, max: User) -> None:
    factories.make_invite(northwind, creator=max)
    membership = member_of(max)

    membership.role = Role.USER
    membership.save()
    assert "Void: Max Manager may not invite a User any more" in text_of(
        signed_in(olivia).get(SETTINGS + "invites/")
    )
    membership.delete()
    assert "Void: Max Manager has left" in text_of(signed_in(olivia).get(SETTINGS + "invites/"))


def test_codes_are_found_by_state(northwind: Organization, olivia: User) -> None:
    kept, _ = factories.make_invite(northwind)
    factories.make_invite(northwind, revoked_at=timezone.now())

    page = signed_in(olivia).get(SETTINGS + "invites/?state=open").context["page"]

    assert list(page.object_list) == [kept]
    assert InviteCode.objects.count() == 2


# --- Two people order environments -------------------------------------------------------------


def test_the_second_to_save_an_order_sees_both_and_decides(
    northwind: Organization, olivia: User, max: User
) -> None:
    uid = {name: factories.make_environment(northwind, name).uid for name in "ABC"}
    address, shown = SETTINGS + "environments/order/", [uid[name] for name in "ABC"]

    def order() -> str:
        return "".join(Environment.objects.in_org(northwind).values_list("name", flat=True))

    signed_in(olivia).post(address, {"was": shown, "uid": [uid[name] for name in "CAB"]})
    second = signed_in(max)
    asked = second.post(address, {"was": shown, "uid": [uid[name] for name in "BAC"]})

    assert asked.status_code == 409
    assert order() == "CAB"
    words = text_of(asked)
    assert "Somebody else has saved another order meanwhile: C, A and B." in words
    assert "1. C 2. A 3. B" in words
    assert "1. B 2. A 3. C" in words
    inputs = re.findall(r'name="(was|uid)" value="(\w+)"', asked.content.decode())
    again = {name: [value for n, value in inputs if n == name] for name in ("was", "uid")}
    second.post(address, again)
    assert order() == "BAC"


def test_the_order_shows_everywhere_at_once(northwind: Organization, olivia: User) -> None:
    stages = [factories.make_environment(northwind, name) for name in ("Alpha", "Beta", "Gamma")]
    application = factories.make_application(northwind)
    factories.make_config_file(application)
    project = factories.make_project(northwind, environments=stages, applications=[application])
    owner = signed_in(olivia)
    uids = [stages[2].uid, stages[0].uid, stages[1].uid]

    owner.post(SETTINGS + "environments/order/", {"uid": uids})

    for path in (
        "",
        f"projects/{project.code}/",
        f"projects/{project.code}/environments/",
        f"projects/{project.code}/configurations/",
        "deployments/",
        "settings/environments/",
    ):
        words = text_of(owner.get(f"/o/northwind/{path}", follow=True))
        seen = re.findall("Alpha|Beta|Gamma", words)
        assert seen[:3] == ["Gamma", "Alpha", "Beta"], path


# --- The sidebar -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["users/", "invites/", "invites/new/"])
def test_the_sidebar_marks_users_on_both_of_its_tabs(
    northwind: Organization, olivia: User, page: str
) -> None:
    shown = signed_in(olivia).get(SETTINGS + page).content.decode()

    sidebar = shown.partition('<nav aria-label="Main">')[2].partition("</nav>")[0]
    (marked,) = re.findall(r'<a href="([^"]+)" aria-current="[a-z]+"', sidebar)
    assert marked == SETTINGS + "users/"


@pytest.mark.parametrize(
    ("who", "offered"),
    [
        ("olivia", ["general", "users", "environments", "api-keys", "audit"]),
        ("max", ["general", "users", "environments", "api-keys", "audit"]),
        ("uma", ["general", "users", "environments"]),
        ("bill", ["general"]),
    ],
)
def test_the_sidebar_offers_the_settings_that_one_may_open(
    northwind: Organization, cast: dict[str, User], who: str, offered: list[str]
) -> None:
    client = signed_in(cast[who])

    shown = client.get(SETTINGS + "general/").content.decode()

    assert re.findall(rf'<li><a href="{SETTINGS}([a-z-]+)/"', shown) == offered
    for name in offered:
        assert client.get(f"{SETTINGS}{name}/").status_code == 200


# --- One invite code, from its making to its use ------------------------------------------------


def test_an_invite_is_shown_once_with_a_link_and_lets_in(
    northwind: Organization, max: User, sam: User
) -> None:
    client = signed_in(max)

    made = client.post("/o/northwind/settings/invites/new/", {"role": "ORG_USER"})

    code = made.context["code"]
    page = made.content.decode()
    assert code in page
    assert f"/account/signup/?code={code}" in page
    assert code not in client.get("/o/northwind/settings/invites/").content.decode()
    joined = organizations.join(code=code, user=sam, by=factories.actor_of(sam))
    assert joined.role == Role.USER


def test_a_manager_is_not_offered_to_make_owners(northwind: Organization, max: User) -> None:
    client = signed_in(max)

    page = client.get("/o/northwind/settings/invites/")
    answer = client.post("/o/northwind/settings/invites/new/", {"role": "ORG_OWNER"})

    assert 'value="ORG_OWNER"' not in page.content.decode()
    assert answer.status_code == 422
    assert not InviteCode.objects.exists()


def test_a_used_code_cannot_be_revoked_by_its_page(
    northwind: Organization, max: User, sam: User
) -> None:
    invite, code = factories.make_invite(northwind)
    organizations.join(code=code, user=sam, by=factories.actor_of(sam))

    answer = signed_in(max).post(f"/o/northwind/settings/invites/{invite.uid}/revoke/")

    assert answer.status_code == 409
    assert "used already" in answer.content.decode()
