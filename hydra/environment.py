"""Reading the environment: typed, a `_FILE` variant for every name, clear about what lacks.

`NAME_FILE=/run/secrets/name` reads the value from that file, as container platforms mount secrets.
"""

import base64
import binascii
import json
import os
import secrets
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_env = environ.FileAwareEnv()

ENCRYPTION_KEY_BYTES = 32


def text(name: str, default: str = "") -> str:
    """The value of `name` without surrounding white space: mounted files end in a newline."""
    try:
        return str(_env.str(name, default=default)).strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from error


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name, str(default)).lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def whole(name: str, default: int) -> int:
    value = text(name, str(default)) or str(default)
    try:
        return int(value.encode("ascii"))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from error


def seconds(name: str, default: float) -> float:
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be seconds, not {value!r}.") from error


def words(name: str, default: str = "") -> list[str]:
    """The comma-separated values of `name`."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(name: str) -> dict[str, Any]:
    """What Django's DATABASES wants for the URL in `name`."""
    config: dict[str, Any] = environ.Env.db_url_config(text(name))
    return config


def encryption_keys(spelled: str) -> dict[str, bytes]:
    """Read `id:base64key,id2:…`; the first one encrypts, all of them decrypt."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in spelled.split(","))):
        key_id, _, encoded = part.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not key_id or len(key) != ENCRYPTION_KEY_BYTES:
            raise ImproperlyConfigured(
                "HYDRA_ENCRYPTION_KEYS must be id:key[,id:key…], each key the base64 of 32 bytes; "
                f"the entry {key_id!r} is not."
            )
        keys[key_id] = key
    return keys


def openid_provider(
    *, issuer: str, client: tuple[str, str], name: str, links: bool
) -> dict[str, Any]:
    """What django-allauth wants to know of the one OpenID Connect provider, if there is one."""
    given = {
        "HYDRA_OIDC_ISSUER": issuer,
        "HYDRA_OIDC_CLIENT_ID": client[0],
        "HYDRA_OIDC_CLIENT_SECRET": client[1],
    }
    if any(given.values()) and not all(given.values()):
        missing = ", ".join(setting for setting, value in given.items() if not value)
        raise ImproperlyConfigured(
            f"{missing} is missing: OpenID Connect needs all of {', '.join(given)}."
        )
    provider = {
        "provider_id": "sign-on",
        "name": name,
        "client_id": client[0],
        "secret": client[1],
        "settings": {"server_url": issuer, "email_authentication": links},
    }
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [provider]}}


def generated_secrets(home: Path) -> dict[str, str]:
    """The secrets that the embedded mode makes for itself, once, readable by its user alone.

    Written under another name and linked into place, so that of two first starts at the same
    moment one wins and both use what it wrote.
    """
    path = home / "secrets.json"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        fresh = {
            "SECRET_KEY": secrets.token_urlsafe(64),
            "HYDRA_ENCRYPTION_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        draft = home / f".secrets.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(fresh, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    found: dict[str, str] = json.loads(path.read_text())
    return found
