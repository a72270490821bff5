# Everything here sets itself up on a machine that has Python >= 3.11 and make.

SHELL := /bin/bash
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)
VENV := .venv
INSTALLED := $(VENV)/.installed

.PHONY: help setup demo stop test endurance lint bench requirements browser

help:
	@echo "make demo    a running service with invented listeners, from nothing, and one listener's mixtape"
	@echo "make stop    end what make demo left running"
	@echo "make test    every check and every test"
	@echo "make endurance   faults and backfills on running services, some minutes each"
	@echo "make lint    format, lint, types, import contracts"
	@echo "make bench   the benchmarks"
	@echo "make requirements   pin the dependencies of pyproject.toml anew"

setup: $(INSTALLED)

$(INSTALLED): docker/requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Monday Mixtape needs Python 3.11 or newer."; exit 1; }
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV) || { test $$(id -u) = 0 && command -v apt-get >/dev/null \
		&& apt-get update -qq && apt-get install -qq -y python3-venv && $(PYTHON) -m venv $(VENV); } \
		|| { echo "Python can't make an environment: install its venv module (Debian: apt-get install python3-venv)."; exit 1; }
	@echo "Installing into $(VENV) ..."
	@UV_HTTP_TIMEOUT=60 && export UV_HTTP_TIMEOUT \
	&& $(VENV)/bin/pip install --quiet --disable-pip-version-check uv \
	&& $(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --only-binary :all: -r docker/requirements.txt \
	&& $(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps -e . \
	|| { echo "uv does not do it here: installing with pip" \
	&& $(VENV)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r docker/requirements.txt \
	&& $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps -e .; }
	@touch $@

demo: setup
	@$(VENV)/bin/mixtape demo

stop:
	@test ! -x $(VENV)/bin/mixtape || $(VENV)/bin/mixtape down

test: setup browser lint
	$(VENV)/bin/pytest --numprocesses logical --maxprocesses 4 --no-loadscope-reorder

endurance: setup
	$(VENV)/bin/pytest -m endurance

lint: setup
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: setup
	@$(VENV)/bin/mixtape bench

# The browser test drives a Chromium of the system.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null && exit 0; \
	if test $$(id -u) = 0 && command -v apt-get >/dev/null; \
	then apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
	else echo "No Chromium here: the browser test will be skipped. On Debian: sudo apt-get install chromium"; fi

requirements: setup
	$(VENV)/bin/uv pip compile --quiet --upgrade --extra dev --python-version 3.11 --only-binary :all: \
		--no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o docker/requirements.txt
