"""A small OpenID Connect provider on loopback: it lets in whoever a test says, and no other."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

CLIENT, SECRET = "hydra-at-northwind", "a secret between the two of them"


class Provider(ThreadingHTTPServer):
    """Codes that were given out and not yet used, and what is said of the person."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.person: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.is_silent = False
        self.asked: list[str] = []

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def authorize(self, address: str) -> str:
        """What a browser does there: the address that it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "").encode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=")
        if asked is None or asked["code_challenge"] != challenge.decode():
            return None
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return None
        token, now = secrets.token_urlsafe(), int(time.time())
        self.tokens[token] = self.person
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, **self.person}
        return {
            "access_token": token,
            "token_type": "Bearer",
            "id_token": jwt.encode(claims, SECRET * 2, algorithm="HS256"),
        }


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.is_silent:
            time.sleep(2)
            return
        if self.path == "/.well-known/openid-configuration":
            issuer = self.server.issuer
            self.answer(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "userinfo_endpoint": f"{issuer}/userinfo",
                    "jwks_uri": f"{issuer}/keys",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )
        elif self.path == "/userinfo":
            token = self.headers["Authorization"].removeprefix("Bearer ")
            self.answer(self.server.tokens[token])
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        self.server.asked.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        given = self.server.exchange(form)
        self.answer(given or {"error": "invalid_grant"}, status=200 if given else 400)

    def answer(self, body: dict[str, Any], *, status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Tests need no log of it."""


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join()
