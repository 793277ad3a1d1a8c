# Needs Python 3.11 or newer, make and git; everything else goes into .venv. `make` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || echo python3)
PORT ?= 8000
HYDRA_HOME ?= $(CURDIR)/var
export PORT HYDRA_HOME
export UV_PYTHON_DOWNLOADS := never

UV_VERSION := 0.13.8
BIN := .venv/bin
UV := $(BIN)/uv
WHEELS_ONLY := --only-binary :all:
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(WHEELS_ONLY)
PARALLEL ?= 2
PYTEST := $(BIN)/python -m pytest -q -n $(PARALLEL) --dist worksteal
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || echo /usr/bin/chromium)
# What `make check` can afford: no servers, no walk over every page.
FAST := $(wildcard tests/test_conventions.py tests/test_docs.py tests/floor/test_*.py) \
	$(filter-out %/test_celery.py %/test_local_services.py,$(wildcard tests/house/test_*.py))
# No database, no Redis: pure modules, the agent's program, wiring that starts servers of its own. One
# run of these tells all there is to know.
WITHOUT_DATABASE := $(filter-out %/test_hints.py %/test_compiled.py,$(wildcard tests/floor/test_*.py)) \
	$(wildcard $(addprefix tests/agents/test_,program_*.py joblog.py masking.py pack.py agent_docs.py)) \
	$(wildcard $(addprefix tests/house/test_,cli.py local_services.py proxies.py settings.py threads.py web_worker.py)) \
	$(wildcard $(addprefix tests/projects/test_,merging_*.py conditions.py interpolation.py matching.py)) \
	$(wildcard $(addprefix tests/orgs/test_,access.py every_change_is_told.py)) \
	$(wildcard $(addprefix tests/test_,conventions.py docs.py)) tests/api/test_parsing.py

# --- Run it ---

.PHONY: help
help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: up
up: install  ## Run Hydra in one process on SQLite, with a demo and a real agent (PORT, HYDRA_HOME)
	@exec $(BIN)/python -m hydra up --demo

.PHONY: stack
stack: install  ## The same on PostgreSQL and Valkey: gunicorn, Celery, beat (PORT, HYDRA_HOME)
	@exec $(BIN)/python -m hydra up --stack --demo

.PHONY: bench
bench: install  ## Measure, in both modes, beside floors taken in the same run
	@$(BIN)/python -m bench

# --- Trust it ---

.PHONY: test
test: test-sqlite test-postgres test-browser  ## Every test: on SQLite, on PostgreSQL and Valkey, in a browser

.PHONY: test-fast
test-fast: install
	$(PYTEST) -m "not browser and not faults" $(FAST)

.PHONY: test-sqlite
test-sqlite: install
	$(PYTEST) -m "not browser"

.PHONY: test-postgres
test-postgres: install
	HYDRA_TEST_DB=postgres $(PYTEST) -m "not browser" $(WITHOUT_DATABASE:%=--ignore=%)

.PHONY: test-browser
test-browser: install chromium
	HYDRA_CHROMIUM=$(CHROMIUM) $(BIN)/python -m pytest -q -m browser

.PHONY: chromium
chromium:
	@if [ ! -x $(CHROMIUM) ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    export DEBIAN_FRONTEND=noninteractive; \
	    apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium >/dev/null; \
	  else \
	    echo "The browser tests need Chromium at $(CHROMIUM):"; \
	    echo "  sudo apt-get install --no-install-recommends chromium"; exit 1; \
	  fi; \
	fi

.PHONY: check
check: install  ## Format, lint, types, architecture, migrations, requirements, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@git ls-files -co --exclude-standard 'templates/*.html' | xargs -r $(BIN)/djade --target-version 5.2 --check
	$(BIN)/shellcheck .ci/run
	$(BIN)/hadolint Dockerfile
	$(BIN)/python manage.py makemigrations --check --dry-run
	@$(MAKE) requirements-fresh
	@$(MAKE) test-fast

# --- Change it ---

.PHONY: format
format: install  ## Format the code and the templates, and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	@git ls-files -co --exclude-standard 'templates/*.html' | xargs -r $(BIN)/djade --target-version 5.2

.PHONY: migrations
migrations: install  ## Write the migrations that the models now need
	$(BIN)/python manage.py makemigrations
	$(BIN)/ruff format --quiet */migrations

.PHONY: requirements
requirements: $(UV)  ## Lock the newest dependencies that pyproject.toml allows (asks the registry)
	$(COMPILE) --upgrade pyproject.toml -o requirements.txt
	$(COMPILE) --upgrade pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

.PHONY: requirements-fresh
requirements-fresh: install
	@$(BIN)/python .ci/locks.py $(COMPILE)

# --- Install it ---

.PHONY: install
install: .venv/.installed

.venv/.installed: requirements-dev.txt $(UV)
	@echo "hydra: installing $$(grep -c '^[a-z]' requirements-dev.txt) packages into .venv; the first time this takes about a minute" >&2
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes $(WHEELS_ONLY) requirements-dev.txt
	@printf '#!/bin/sh\nPYTHONPATH="%s$${PYTHONPATH:+:$$PYTHONPATH}" exec "%s/.venv/bin/python" -m hydra "$$@"\n' \
	  "$(CURDIR)" "$(CURDIR)" > $(BIN)/hydra && chmod +x $(BIN)/hydra
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Hydra needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=…"; exit 1; }
	@echo "hydra: making .venv with $(PYTHON), and uv in it, which installs the rest" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: uv==$(UV_VERSION)
