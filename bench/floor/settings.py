"""No middleware, no session, nothing but the two tables; the database is set up as Hydra's is."""

import os
from urllib.parse import parse_qs, urlsplit

address = urlsplit(os.environ.get("DATABASE_URL") or f"sqlite:///{os.environ['HYDRA_HOME']}/floor")
SECRET_KEY = "measured, not kept"  # it signs nothing
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["rest_framework", "bench.floor.apps.FloorConfig"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "bench.floor.urls"
WSGI_APPLICATION = "bench.floor.wsgi.application"
USE_TZ = True
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
}
DATABASES: dict[str, dict[str, object]]
if address.scheme == "sqlite":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": address.path,
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": address.path.strip("/"),
            "USER": address.username or "",
            "PASSWORD": address.password or "",
            "HOST": parse_qs(address.query).get("host", [address.hostname or ""])[0],
            "PORT": str(address.port or ""),
            "CONN_MAX_AGE": 300,
        }
    }
