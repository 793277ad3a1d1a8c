# One image per process shape: web, live, worker, beat, agent.  docker build --target web .
# Everything is installed from wheels whose hashes requirements.txt holds; no compiler, no apt.

FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
RUN useradd --system --uid 10001 --home-dir /var/lib/hydra --create-home hydra


FROM base AS packages
WORKDIR /build
COPY requirements.txt ./
RUN python -m venv /opt/venv \
    && python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --only-binary :all: uv==0.13.8 \
    && /opt/uv/bin/uv pip sync --no-cache --python /opt/venv/bin/python --require-hashes \
       --only-binary :all: --compile-bytecode requirements.txt


FROM base AS hydra
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/hydra
COPY manage.py pyproject.toml ./
COPY hydra hydra
COPY orgs orgs
COPY billing billing
COPY agents agents
COPY projects projects
COPY deployments deployments
COPY templates templates
COPY static static
ENV HYDRA_HOME=/var/lib/hydra HYDRA_STATIC_ROOT=/srv/static DJANGO_SETTINGS_MODULE=hydra.settings
# The settings want their secrets even to collect files; these are forgotten at once.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_hex(64))')" \
    HYDRA_ENCRYPTION_KEYS="build:$(python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())')" \
    DATABASE_URL=postgres://build/build REDIS_URL=redis://build \
    python manage.py collectstatic --noinput
USER 10001
VOLUME /var/lib/hydra


FROM hydra AS web
ENV HYDRA_BIND=0.0.0.0 PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "hydra", "web"]


FROM hydra AS live
ENV HYDRA_BIND=0.0.0.0 HYDRA_LIVE_PORT=8001
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8001/live/healthz', timeout=4)"]
CMD ["python", "-m", "hydra", "live"]


FROM hydra AS worker
# Celery's soft shutdown has to be asked for before Python starts.
ENV REMAP_SIGTERM=SIGQUIT
# Not whether the process lives, but whether it consumes: beat gives it something every few seconds.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=2 \
    CMD ["python", "-c", "import os, sys, time; sys.exit(time.time() - os.stat('/var/lib/hydra/worker.consumed').st_mtime > 60)"]
CMD ["python", "-m", "hydra", "worker"]


FROM hydra AS beat
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=2 \
    CMD ["python", "-c", "import os, sys, time; sys.exit(time.time() - os.stat('/var/lib/hydra/beat.published').st_mtime > 60)"]
CMD ["python", "-m", "hydra", "beat"]


# The agent needs nothing but Python; add what the steps of your deployments call.
FROM base AS agent
WORKDIR /srv/hydra
COPY agents/__init__.py agents/protocol.py agents/
COPY agents/program agents/program
USER 10001
VOLUME /var/lib/hydra
# It serves nothing; that it is connected is seen on the page of agents.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import pathlib, sys; sys.exit(b'agents.program' not in pathlib.Path('/proc/1/cmdline').read_bytes())"]
ENTRYPOINT ["python", "-m", "agents.program"]
CMD ["run"]
