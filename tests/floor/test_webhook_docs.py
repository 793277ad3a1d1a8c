"""What docs/webhooks.md tells customers to run verifies what Hydra sends."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hydra import keys, signatures

Verifier = Callable[[bytes, dict[str, str], str], bool]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"
BODY = b'{"event": "ping"}'


@pytest.fixture(params=["is_from_hydra", "is_from_hydra_by_body"])
def verify(request: pytest.FixtureRequest) -> Verifier:
    """A verifier as it stands in the page."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Verifier] = {}
    exec(code, names)  # noqa: S102  # our own documentation
    return names[str(request.param)]


def sent(*secrets: str, at: float = 0) -> dict[str, str]:
    headers = signatures.headers(
        BODY, secrets=secrets, message_id="dlv_1", timestamp=int(time.time() + at)
    )
    return {name.lower(): value for name, value in headers.items()}


def test_the_documented_verifier_accepts_what_we_send(verify: Verifier) -> None:
    new, old = keys.new_webhook_secret(), keys.new_webhook_secret()

    assert verify(BODY, sent(new), new)
    assert verify(BODY, sent(new, old), new)


def test_the_documented_verifier_refuses_forgeries(verify: Verifier) -> None:
    secret, other = keys.new_webhook_secret(), keys.new_webhook_secret()

    assert not verify(BODY + b" ", sent(secret), secret)
    assert not verify(BODY, sent(other), secret)


@pytest.mark.parametrize("at", [-360, 360])
def test_the_documented_verifier_knows_the_time(at: float) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Verifier] = {}
    exec(code, names)  # noqa: S102  # our own documentation
    secret = keys.new_webhook_secret()

    assert not names["is_from_hydra"](BODY, sent(secret, at=at), secret)


def test_the_headers_in_the_page_are_those_that_are_sent() -> None:
    page = PAGE.read_text()

    for name in signatures.headers(
        BODY, secrets=["whsec_YQ==", "whsec_Yg=="], message_id="dlv_1", timestamp=1
    ):
        assert f"`{name}`" in page
