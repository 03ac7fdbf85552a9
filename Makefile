# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_SECONDS ?= 60
REFEREE ?= ../shared/referee/referee.py
SCENARIOS ?= load_steps load_steps_704 gen_steps meter_silent

.PHONY: help setup test check demo bench referee docs requirements clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make setup      a virtual environment with everything, pinned by hash
setup: $(VENV)/.ready

$(VENV)/.ready: requirements/dev.txt pyproject.toml deploy/prepare
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash deploy/prepare
	@touch $@

## make test       every test that belongs to each change (< 5 minutes on 2 cores)
test: setup lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -q

## make check      the inner loop (< 20 s): style, types, architecture, unit tests
check: setup lint
	$(BIN)/python -m pytest -q tests/unit tests/architecture

.PHONY: lint
lint: setup
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

## make demo       60 s of a real day: a simulated site and the controller that holds its export limit
demo: setup
	$(BIN)/hil demo --seconds $(DEMO_SECONDS)

## make bench      benchmarks as ratios to a reference in the same run
bench: setup
	$(BIN)/python -m tests.bench

## make referee    the independent site, if it lies beside this folder
referee: setup
	$(BIN)/python $(REFEREE) $(SCENARIOS) --pcs "$(CURDIR)/$(BIN)/pcs run {site} --duration {duration}"

## make docs       regenerate what is generated: site-file reference, schema, fail-safe table, pictures
docs: setup
	$(BIN)/python -m tests.docs

## make requirements   pin anew (needs uv)
requirements:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra dev --extra hil pyproject.toml -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra hil pyproject.toml -o requirements/run.txt

clean:
	rm -rf $(VENV) demo-run .mypy_cache .ruff_cache .hypothesis .import_linter_cache
