"""A small OpenID Connect provider on loopback that lies as a test says; real ones do not."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.identity.provider import CLIENT


@cache
def key_pair(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class LyingProvider(ThreadingHTTPServer):
    """Tells the truth about `person` but for what a test has put in its place."""

    daemon_threads = True

    def __init__(self, person: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.person = person
        self.nonce = ""
        self.is_silent = False
        self.issuer_said = self.issuer
        self.claims: dict[str, Any] = {}  # None: this one is left out
        self.described: dict[str, Any] = {}
        self.sign: dict[str, Any] = {"key": key_pair("its own"), "algorithm": "RS256"}

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def authorize(self, address: str) -> str:
        """The address that a browser is sent back to; nobody has to sign in here."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.nonce = asked["nonce"]
        back = {"code": secrets.token_urlsafe(), "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": self.person["sub"],
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 300,
        } | self.claims
        told = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(told, headers={"kid": "1"}, **self.sign)

    def page(self, path: str) -> dict[str, Any] | None:
        """What stands there."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(key_pair("its own").public_key(), as_dict=True)
        pages: dict[str, dict[str, Any]] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer_said,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            },
            "/keys": {"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]},
            "/userinfo": self.person | self.described,
        }
        if path == "/token":
            return {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token()}
        return pages.get(path)


class Handler(BaseHTTPRequestHandler):
    server: LyingProvider

    def do_GET(self) -> None:
        if self.server.is_silent:
            time.sleep(2)
            return
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        said = self.server.page(self.path)
        text = json.dumps(said).encode()
        self.send_response(404 if said is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Tests need no log of it."""


@contextmanager
def running(person: dict[str, Any]) -> Iterator[LyingProvider]:
    provider = LyingProvider(person)
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join()
