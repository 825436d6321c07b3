SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first interpreter that runs and is new enough; name another with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: help setup setup-dev run test test-chaos check lint bench lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(RUN_STAMP) ## make .venv with exactly the locked dependencies

setup-dev: $(DEV_STAMP)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Ledgerdesk needs Python 3.11 or newer with its venv module." >&2; \
		echo "Install it (Debian, Ubuntu: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is too old or lacks venv: Ledgerdesk needs Python 3.11 or newer (make PYTHON=/path/to/python3.12 ...)." >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

# Each stamp names a lock file: nothing is done again until the lock changes.
$(RUN_STAMP): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages into $(VENV); about half a minute the first time."
	@$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(RUN_STAMP)
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

run: setup ## the whole service with its own database and a demo desk; KAFKA=1 with Kafka too
	@exec $(BIN)/ledgerdesk up $(if $(KAFKA),--kafka)

test: check ## what CI runs: check, then every test but the long ones
	$(BIN)/python -m pytest

test-chaos: setup-dev ## the long form of the tests that kill processes
	$(BIN)/python -m pytest -m chaos -n 0 --timeout 1800

check: setup-dev ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: setup-dev ## every measurement with its floor
	$(BIN)/ledgerdesk bench all

lock: ## renew both lock files (the only target that needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	uv pip compile $(LOCK_OPTIONS) requirements.in -o requirements.lock
	uv pip compile $(LOCK_OPTIONS) requirements-dev.in -c requirements.lock -o requirements-dev.lock

LOCK_OPTIONS := --quiet --upgrade --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"

clean: ## remove what make made; the data folder stays
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './web/*' -prune -exec rm -rf {} +
