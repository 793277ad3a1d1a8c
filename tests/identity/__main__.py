"""Run the provider: `python -m tests.identity`. Says on which port it listens."""

from __future__ import annotations

import os
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests need no log of it."""


os.environ["DJANGO_SETTINGS_MODULE"] = "tests.identity.settings"
application = get_wsgi_application()
call_command("migrate", verbosity=0)
with make_server("127.0.0.1", 0, application, Server, Quiet) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
