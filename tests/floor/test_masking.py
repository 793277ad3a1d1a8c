"""Nothing that is logged tells a credential, and what is no credential stays readable."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from hydra import keys, masking

CANARY = "Sw0rdf1shSw0rdf1shSw0rdf1shSw0rdf1sh"
TOKENS = [keys.new_token(prefix) for prefix in keys.TOKEN_PREFIXES] + [keys.new_webhook_secret()]

TELLING = [
    "?key={}",
    "POST /api/externals/version/create?appCode=a&key={}&version=v1 HTTP/1.1",
    "/redirect?to=%2Fapi%3Fkey%3D{}",
    "api_key={}",
    "apikey={}",
    "access_token={}; other",
    "client-secret={}",
    "password='{}'",
    'password = "{} with spaces"',
    "{{'key': '{}'}}",
    '{{"api_key": "{}", "name": "ci"}}',
    '{{"Authorization": "Bearer {}"}}',
    "Authorization: Bearer {}",
    "authorization: Basic {}",
    "Proxy-Authorization: {}",
    "X-Api-Key: {}",
    "Cookie: a=b; hydra_session={}",
    "Set-Cookie: hydra_session={}; Path=/",
    "sent Bearer {} to it",
    "https://user:{}@registry.example.com/v2/",
    "redis://:{}@127.0.0.1:6379/0",
    "sk_live_{}",
    "whsec_{}",
    "GET /account/password/1-d0ab-{}/ HTTP/1.1",
    "Internal Server Error: /account/password/1a/d0ab-{}/",
    "Too Many Requests: /account/confirm-email/MQ:{}/",
    "https://hydra.example/account/profile/email/eyJ1c2VyIjoi:{}/",
    "GET /live/log?ticket={} HTTP/1.1",
]

READABLE = [
    "the key of the matter",
    "Unknown key: colour",
    "monkey=george",
    "hyd_live_ is the prefix of keys",
    "token expired",
    "width_a=3",
    "https://example.com:8080/a@b",
    "prj_4fQ8zK1mN2bV3cX5aS6d",
    "Bearer authentication is required",
    "GET /account/password/ HTTP/1.1",
    "/account/password/sent/",
    "/account/password/1a/set-password/",
    "/account/confirm-email/",
    "/account/profile/email/",
    "the ticket of job 7",
    "",
]


@pytest.mark.parametrize("form", TELLING)
def test_a_credential_is_masked_wherever_it_is_named(form: str) -> None:
    masked = masking.mask(form.format(CANARY))

    assert "Sw0rd" not in masked
    assert "spaces" not in masked
    assert "***" in masked


@pytest.mark.parametrize("token", TOKENS, ids=[token.rpartition("_")[0] for token in TOKENS])
@pytest.mark.parametrize("form", ["{}", "rejected {}.", "[{}]", "a/{}/b", '"{}"', "x={}", "%3D{}"])
def test_our_own_tokens_are_masked_anywhere_and_stay_recognizable(token: str, form: str) -> None:
    masked = masking.mask(form.format(token))

    assert token[-8:] not in masked
    assert token.split("_", maxsplit=1)[0] in masked


@pytest.mark.parametrize("text", READABLE)
def test_what_is_no_credential_stays_as_it_is(text: str) -> None:
    assert masking.mask(text) == text


def test_masking_twice_changes_nothing_more() -> None:
    for form in TELLING:
        once = masking.mask(form.format(CANARY))
        assert masking.mask(once) == once


def test_a_long_line_takes_no_long_time() -> None:
    """Patterns that backtrack would take minutes here."""
    for piece in ("a-", "key", "key=", "a:", "://a:", "Bearer ", '"', "cookie:"):
        masking.mask(piece * 50_000)


def test_an_event_is_masked_to_its_depth() -> None:
    event = {
        "event": f"called /x?key={CANARY}",
        "password": CANARY,
        "headers": {"Authorization": CANARY, "Accept": "text/html"},
        "list": [f"token={CANARY}", 3, None, (CANARY.lower(),)],
        "error": ValueError(f"bad key={CANARY}"),
        "number": 7,
    }

    masked = masking.mask_event(None, "info", event)

    assert CANARY not in repr(masked)
    assert masked["number"] == 7
    assert masked["headers"] == {"Authorization": "***", "Accept": "text/html"}


# --- Through the configured logging ----------------------------------------------------------


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the handler of the configured logging writes."""
    handler = next(h for h in logging.getLogger().handlers if h.get_name() == "stderr")
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


def test_no_log_line_tells_a_planted_credential(written: io.StringIO) -> None:
    token = keys.new_token(keys.API_KEY)
    # Not uvicorn's own logger: a test that ran before may have given that one its handlers.
    plain, structured = logging.getLogger("uvicornish"), structlog.get_logger("hydra.somewhere")

    plain.warning('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "GET", f"/x?key={token}", "1.1", 200)
    plain.warning("headers: %r", {"Authorization": f"Bearer {token}"})
    plain.warning("with extra", extra={"request_body": f"key={token}"})
    structured.warning("called", api_key=token, path=f"/x?key={token}", nested={"a": [token]})
    with structlog.contextvars.bound_contextvars(path=f"/y?key={token}"):
        structured.warning("bound")
    try:
        fail(f"cannot use {token}")
    except ValueError:
        structured.exception("failed")
        plain.exception("failed too")

    lines = written.getvalue()
    assert lines.count("***") >= 8
    assert token not in lines
    assert token.removeprefix("hyd_live_") not in lines


# --- For handlers that are not ours ----------------------------------------------------------


def fail(message: str) -> None:
    raise ValueError(message)


def emitted(*arguments: object, formatter: logging.Formatter | None = None, **extra: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(masking.MaskingFilter())
    handler.setFormatter(formatter)
    message, *rest = arguments
    record = logging.LogRecord("x", logging.INFO, "", 0, message, tuple(rest), None)
    record.__dict__.update(extra)
    handler.handle(record)
    return stream.getvalue().strip()


def test_the_filter_masks_message_and_arguments() -> None:
    assert emitted(f"key={CANARY}") == "key=***"
    assert emitted("%s?key=%s", "/x", CANARY) == "/x?key=***"
    assert emitted("%d of %s", 3, f"key={CANARY}") == "3 of key=***"
    assert emitted("%s", {"password": CANARY}) == "{'password': '***'}"


def test_the_filter_leaves_arguments_to_formatters_that_take_them_apart() -> None:
    class TakesApart(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return json.dumps(record.args)

    line = emitted("%s %d", f"/x?key={CANARY}", 200, formatter=TakesApart())

    assert json.loads(line) == ["/x?key=***", 200]


def test_the_filter_masks_tracebacks() -> None:
    with pytest.raises(ValueError, match="key") as failed:
        fail(f"key={CANARY}")

    line = emitted("failed", exc_info=(failed.type, failed.value, failed.tb))

    assert "ValueError: key=***" in line
    assert CANARY not in line
