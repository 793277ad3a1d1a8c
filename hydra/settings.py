"""The settings: one file, read from the environment alone.

What a production needs is the default; development opts out (`DEBUG=1`). Without `DATABASE_URL`
and `REDIS_URL` Hydra runs *embedded*: one process on SQLite that makes its own secrets. With them
it runs in full: PostgreSQL, Redis, several processes, and secrets that somebody has to give.
Every setting is described in docs/configuration.md, and a test holds the two together.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from hydra import environment, logs

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Which mode, and where -------------------------------------------------------------------

DEBUG = environment.flag("DEBUG")
HYDRA_HOME = Path(environment.text("HYDRA_HOME", str(BASE_DIR / "var"))).absolute()
DATABASE_URL = environment.text("DATABASE_URL")
REDIS_URL = environment.text("REDIS_URL")
HYDRA_EMBEDDED = not DATABASE_URL or DATABASE_URL.startswith("sqlite:")
if bool(REDIS_URL) == HYDRA_EMBEDDED:
    given, missing = ("REDIS_URL", "DATABASE_URL") if REDIS_URL else ("DATABASE_URL", "REDIS_URL")
    raise ImproperlyConfigured(
        f"{missing} is missing: {given} is set, and the full mode needs PostgreSQL and Redis. "
        "Leave out both to run embedded, on SQLite in one process."
    )

PORT = environment.whole("PORT", 8000)
HYDRA_URL = environment.text("HYDRA_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
HYDRA_LIVE_URL = environment.text("HYDRA_LIVE_URL", HYDRA_URL).rstrip("/")
PUBLIC = urlsplit(HYDRA_URL)
LIVE = urlsplit(HYDRA_LIVE_URL)
LIVE_ORIGIN = f"{LIVE.scheme}://{LIVE.netloc}"
IS_HTTPS = PUBLIC.scheme == "https"

# --- Secrets ---------------------------------------------------------------------------------

made = environment.generated_secrets(HYDRA_HOME) if HYDRA_EMBEDDED else {}
SECRET_KEY = environment.text("SECRET_KEY", made.get("SECRET_KEY", ""))
HYDRA_ENCRYPTION_KEYS = environment.encryption_keys(
    environment.text("HYDRA_ENCRYPTION_KEYS", made.get("HYDRA_ENCRYPTION_KEYS", ""))
)
del made
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured(
        "SECRET_KEY is missing or shorter than 50 characters: set it to a long random string "
        "that all processes of this installation share."
    )
if not HYDRA_ENCRYPTION_KEYS:
    raise ImproperlyConfigured(
        "HYDRA_ENCRYPTION_KEYS is missing: set it to id:key, the key being the base64 of 32 random "
        "bytes. It seals every secret in the database, so keep a copy of it elsewhere."
    )

# --- Applications ----------------------------------------------------------------------------

INSTALLED_APPS = [
    "hydra.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "csp",
    "hydra",
    "orgs",
    "billing",
    "agents",
    "projects",
    "deployments",
]

# From the outside in. A refusal is translated where htmx and the messages are already known, and
# the request id is there before anything can be logged.
MIDDLEWARE = [
    "hydra.headers.HeadersMiddleware",
    "hydra.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Agents and the API leave here: they pay for no session and no page.
    "hydra.agent_calls.AgentCallMiddleware",
    "hydra.faces.FaceMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "hydra.refusals.RefusalMiddleware",
]

ROOT_URLCONF = "hydra.urls"
WSGI_APPLICATION = "hydra.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,  # template_partials wraps the loaders, and caches them
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orgs.views.context.frame",
            ],
        },
    },
]

# --- Database and cache ----------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PREPARED_AFTER = 5  # times that a connection has sent the same statement

DATABASES: dict[str, dict[str, Any]]
if HYDRA_EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "hydra.sqlite",
            "NAME": DATABASE_URL.removeprefix("sqlite:///") or HYDRA_HOME / "hydra.sqlite3",
            # A file like the real one: in memory, threads would share one connection.
            "TEST": {"NAME": HYDRA_HOME / "test.sqlite3"},
            # Opening and closing the file for each request took three quarters of a request.
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # An upgrade from reading to writing fails at once and ignores the timeout.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # FULL: with NORMAL a power cut may take commits that were acknowledged.
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                    "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-4000;"
                ),
            },
        }
    }
else:
    DATABASES = {"default": environment.database("DATABASE_URL")}
    if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must be a postgres:// or a sqlite:/// address.")
    DATABASES["default"] |= {
        "ENGINE": "hydra.postgresql",
        "CONN_MAX_AGE": environment.whole("HYDRA_DATABASE_CONNECTION_SECONDS", 300),
        "CONN_HEALTH_CHECKS": True,
    }
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 5)
    if environment.flag("HYDRA_DATABASE_PREPARE", default=True):
        # What is asked again and again is planned once: that halves what PostgreSQL has to do.
        options |= {"server_side_binding": True, "prepare_threshold": PREPARED_AFTER}
    del options

# In full mode the database, not Redis: login throttling has to survive a flush.
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
        if HYDRA_EMBEDDED
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "hydra_cache",
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    )
}

# --- People ----------------------------------------------------------------------------------

AUTH_USER_MODEL = "orgs.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "orgs.views.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "signup": "orgs.forms.accounts.SignUpForm",
    "login": "orgs.forms.accounts.SignInForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
# Where addresses are proved by mail, signing up does not tell which of them have an account.
ACCOUNT_EMAIL_VERIFICATION = (
    "mandatory"
    if environment.flag("HYDRA_VERIFY_EMAIL", default=bool(environment.text("HYDRA_SMTP_HOST")))
    else "none"
)
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # in the browser that signed up, and in no other
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Asks the database nothing, so that it can also be made for nobody.
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105  # a name
# Our own brake (hydra.throttle) counts failures: the library's would shut the owner out as well.
ACCOUNT_RATE_LIMITS = {"login_failed": None, "change_password": None}
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10 * 60
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
MFA_ADAPTER = "orgs.views.adapters.SecondFactorAdapter"
# Where it matters nobody is signed in before their address is proved.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Hydra"

# Signing in at somebody else's door: all three, or none.
HYDRA_OIDC_ISSUER = environment.text("HYDRA_OIDC_ISSUER").rstrip("/")
HYDRA_OIDC_CLIENT_ID = environment.text("HYDRA_OIDC_CLIENT_ID")
HYDRA_OIDC_CLIENT_SECRET = environment.text("HYDRA_OIDC_CLIENT_SECRET")
HYDRA_OIDC_NAME = environment.text("HYDRA_OIDC_NAME", "single sign-on")
HYDRA_OIDC_LINK = environment.flag("HYDRA_OIDC_LINK")
SOCIALACCOUNT_ADAPTER = "orgs.views.sign_on.SignOnAdapter"
SOCIALACCOUNT_FORMS = {"signup": "orgs.forms.accounts.SignOnForm"}
SOCIALACCOUNT_AUTO_SIGNUP = False  # whoever is new says which organization they join or found
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"  # nobody gets that far whose provider did not prove it
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
SOCIALACCOUNT_PROVIDERS = environment.openid_provider(
    issuer=HYDRA_OIDC_ISSUER,
    client=(HYDRA_OIDC_CLIENT_ID, HYDRA_OIDC_CLIENT_SECRET),
    name=HYDRA_OIDC_NAME,
    links=HYDRA_OIDC_LINK,
)

SESSION_ENGINE = "hydra.sessions"  # rows that a copy of the database signs nobody in with
SESSION_COOKIE_AGE = environment.whole("HYDRA_SESSION_SECONDS", 14 * 24 * 3600)
SESSION_COOKIE_NAME = "__Host-hydra_session" if IS_HTTPS else "hydra_session"
CSRF_COOKIE_NAME = "__Host-hydra_csrf" if IS_HTTPS else "hydra_csrf"
CSRF_COOKIE_HTTPONLY = True

EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if environment.text("HYDRA_SMTP_HOST")
    else "django.core.mail.backends.console.EmailBackend"
)
EMAIL_HOST = environment.text("HYDRA_SMTP_HOST")
EMAIL_PORT = environment.whole("HYDRA_SMTP_PORT", 587)
EMAIL_HOST_USER = environment.text("HYDRA_SMTP_USER")
EMAIL_HOST_PASSWORD = environment.text("HYDRA_SMTP_PASSWORD")
EMAIL_USE_TLS = environment.flag("HYDRA_SMTP_TLS", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.text("HYDRA_FROM_EMAIL", f"Hydra <hydra@{PUBLIC.hostname}>")

# --- HTTP ------------------------------------------------------------------------------------

ALLOWED_HOSTS = [
    *environment.words("HYDRA_ALLOWED_HOSTS"),
    PUBLIC.hostname or "localhost",
    LIVE.hostname or "localhost",
    "localhost",
    "127.0.0.1",
    "[::1]",
]
# Whom people ask who cannot help themselves: the end of "Ask … about it."
HYDRA_SUPPORT = environment.text("HYDRA_SUPPORT", "whoever runs this Hydra")
CSRF_TRUSTED_ORIGINS = [f"{PUBLIC.scheme}://{PUBLIC.netloc}"]
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False  # other names below this domain are not ours to decide
# Only then are X-Forwarded-Proto and the last entry of X-Forwarded-For believed.
HYDRA_BEHIND_PROXY = environment.flag("HYDRA_BEHIND_PROXY")
if HYDRA_BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if HYDRA_BEHIND_PROXY else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Bodies over 1 MiB are refused; an agent's log chunk is exactly at that limit.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "object-src": [NONE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF] if HYDRA_LIVE_URL == HYDRA_URL else [SELF, LIVE_ORIGIN],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# With a folder for them, the files are collected there under names that caches may keep for ever;
# without one they are served as they lie, and caches ask again after a minute.
HYDRA_STATIC_ROOT = environment.text("HYDRA_STATIC_ROOT")
STATIC_ROOT = HYDRA_STATIC_ROOT or None
WHITENOISE_USE_FINDERS = not HYDRA_STATIC_ROOT
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 60
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if HYDRA_STATIC_ROOT
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
MEDIA_ROOT = HYDRA_HOME / "media"

# --- The API ---------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "STRICT_JSON": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Hydra",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_URLCONF": "hydra.face_urls",
    "SCHEMA_PATH_PREFIX": "",
    "SECURITY": [{"key": []}],
    "APPEND_COMPONENTS": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    "POSTPROCESSING_HOOKS": ["hydra.api.schema.add_components"],
}

# --- Deploying -------------------------------------------------------------------------------

# Agents are told these durations and use their own monotonic clocks: no wall clock is compared.
HYDRA_LEASE_SECONDS = environment.seconds("HYDRA_LEASE_SECONDS", 45)
HYDRA_OFFER_SECONDS = environment.seconds("HYDRA_OFFER_SECONDS", 30)
HYDRA_HEARTBEAT_SECONDS = environment.seconds("HYDRA_HEARTBEAT_SECONDS", 15)
HYDRA_POLL_SECONDS = environment.seconds("HYDRA_POLL_SECONDS", 25)
HYDRA_OFFLINE_SECONDS = environment.seconds("HYDRA_OFFLINE_SECONDS", 60)
HYDRA_SWEEP_SECONDS = environment.seconds("HYDRA_SWEEP_SECONDS", 1 if HYDRA_EMBEDDED else 5)
HYDRA_WEB_THREADS = environment.whole("HYDRA_WEB_THREADS", 8)
HYDRA_WEB_PROCESSES = environment.whole("HYDRA_WEB_PROCESSES", 2)
HYDRA_DELIVERY_THREADS = environment.whole("HYDRA_DELIVERY_THREADS", 16)
# Networks (CIDR) that webhooks may reach although they are not public. Empty: public ones alone.
HYDRA_OUTBOUND_ALLOW = environment.words("HYDRA_OUTBOUND_ALLOW")
# A PEM file of authorities that receivers' certificates may come from, besides the system's.
HYDRA_OUTBOUND_CA_FILE = environment.text("HYDRA_OUTBOUND_CA_FILE")

# --- The rest --------------------------------------------------------------------------------

# Whoever names it may read /metrics; empty: machines of the private networks may.
HYDRA_METRICS_TOKEN = environment.text("HYDRA_METRICS_TOKEN")

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

HYDRA_LOG_LEVEL = environment.text("HYDRA_LOG_LEVEL", "INFO").upper()
LOGGING_CONFIG = None
logs.configure(level=HYDRA_LOG_LEVEL, as_json=not (DEBUG or HYDRA_EMBEDDED))
