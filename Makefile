# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
FUZZ_VENV := .venv-fuzz
MUTATION_VENV := .venv-mutation
BIN := $(VENV)/bin
KILLS ?= 1000
RUNS ?= 3
RECORDS ?= 100
SEEDS ?= 10000
FIRST_SEED ?= 0
SAMPLE ?= 0
SEED ?= 0
KIND ?= stack
PLAYER = $(or $(PYPY),$(BIN)/python)
REFEREE ?= ../shared/referee/referee.py
SCENARIOS ?= load_steps load_steps_704 gen_steps meter_silent

# A virtual environment knows its own folder and its Python: when either has moved, it is made anew.
ifneq "$(shell $(BIN)/python -c 0 2>/dev/null && cat $(VENV)/.ready 2>/dev/null)" "$(CURDIR)"
MOVED := moved
endif
# Two at a time, and each one's words in one piece. A caller's own -j goes before.
TOGETHER = +@$(MAKE) --no-print-directory --output-sync=target $(if $(findstring -j,$(MAKEFLAGS)),,-j 2)
# Only folders that exist: pytest stops at a name that does not.
existing = $(wildcard $(addprefix tests/,$(1)))

.PHONY: help setup test slow check lint style types contracts inner demo bench crd nightly matrix campaign campaign-same answers faults kills coverage fuzz referee docs requirements clean $(MOVED)

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make setup      a virtual environment with everything, pinned by hash
setup: $(VENV)/.ready

$(VENV)/.ready: requirements/dev.txt pyproject.toml deploy/prepare $(MOVED)
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash deploy/prepare
	@printf '%s\n' "$(CURDIR)" >$@

## make test       every test that belongs to each change (< 5 minutes on 2 cores)
# Three at a time, and style beside them: tests of real processes wait more than they work.
test: setup
	+@$(MAKE) --no-print-directory --output-sync=target -j 2 style types contracts & style=$$!; \
	$(BIN)/python -m pytest -n 3 --dist worksteal -q -m "not slow"; tests=$$?; wait $$style && exit $$tests

## make slow       the tests that take long: real processes and real time, every cell of the matrix
slow: setup
	$(BIN)/python -m pytest -n 4 --dist worksteal -q -m slow

## make check      the inner loop (< 20 s): style, types, architecture, unit tests
check: setup
	$(TOGETHER) types style contracts inner

## make lint       style, types and import contracts alone
lint: setup
	$(TOGETHER) style types contracts

style: setup
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: setup
	$(BIN)/mypy

contracts: setup
	@$(BIN)/lint-imports --no-logo

inner: setup
	$(BIN)/python -m pytest -n 2 --dist worksteal -q $(call existing,unit architecture)

## make demo       60 s of a real day: a simulated site and the controller that holds its export limit;
##                 SYSTEM=wye: PV, battery and charger with three limits; SYSTEM=split: a house
demo: setup
	$(BIN)/hil demo $(if $(SYSTEM),--site $(SYSTEM)) $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

## make bench      benchmarks as ratios to a reference in the same run
bench: setup
	$(BIN)/python -m tests.bench

## make answers    what the judge says of responses whose truth is known, RECORDS of each kind (docs/known-answers.md)
answers: setup
	$(BIN)/python -m tests.known_answers $(RECORDS)

## make faults     what the core sees of every fault on every kind of link, and when (docs/links.md)
faults: setup
	$(BIN)/python -m tests.faults

## make kills      kill -9 a controller KILLS times; nothing acknowledged may be lost
kills: setup
	$(BIN)/python -m tests.kills --kills $(KILLS)

## make matrix     every abnormal condition with real processes, RUNS times, and on virtual time (docs/abnormal-matrix.md)
matrix: setup
	$(BIN)/python -m tests.matrix --runs $(RUNS)

## make nightly    SEEDS random sites from FIRST_SEED on, a minute each on virtual time, every invariant (some 2 hours)
nightly: setup
	$(BIN)/python -m tests.nightly --seeds $(SEEDS) --first $(FIRST_SEED)

## make crd        the library of test profiles against our controller in the simulated rigs: reports in crd-run/
crd: setup
	$(BIN)/python -m tests.crd $(if $(REPEATS),--repeats $(REPEATS))

## make campaign   SEEDS sites from FIRST_SEED on with faults at every seam, five minutes each on virtual time;
##                 KIND=frames: the n-th reply fails, for every n and in every way; PYPY=pypy3: the same, faster
campaign: SEEDS := $(if $(filter file,$(origin SEEDS)),2400,$(SEEDS))
campaign: $(if $(PYPY),,setup)
	$(PLAYER) -m tests.campaign --kind $(KIND) --seeds $(SEEDS) --first $(FIRST_SEED)

## make campaign-same   the same seeds on CPython and on PYPY: the digests of their runs must be the same
campaign-same: SEEDS := $(if $(filter file,$(origin SEEDS)),3,$(SEEDS))
campaign-same: setup
	$(BIN)/python -m tests.campaign --digests --kind $(KIND) --seeds $(SEEDS) --first $(FIRST_SEED) >$(VENV)/.cpython
	$(PLAYER) -m tests.campaign --digests --kind $(KIND) --seeds $(SEEDS) --first $(FIRST_SEED) | diff $(VENV)/.cpython -
	@echo "$(SEEDS) runs are the same on both"

## make fuzz       coverage-guided fuzzing of all decoders, some minutes; FUZZ="tcp_frames --runs 1000000" for one
fuzz: $(FUZZ_VENV)/.ready
	$(FUZZ_VENV)/bin/python -m fuzz $(FUZZ)

$(FUZZ_VENV)/.ready: requirements/fuzz.txt | setup
	$(PYTHON) -m venv --clear $(FUZZ_VENV)
	$(FUZZ_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/fuzz.txt
	@touch $@

## make mutation   mutants of pcs/core against its tests (docs/mutation.md); SAMPLE=400 for a random part, goes on where it ended
mutation: $(MUTATION_VENV)/.ready
	nice -n 15 $(MUTATION_VENV)/bin/python -m tests.mutation --sample $(SAMPLE) --seed $(SEED)

$(MUTATION_VENV)/.ready: requirements/mutation.txt | setup
	$(PYTHON) -m venv --clear $(MUTATION_VENV)
	$(MUTATION_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/mutation.txt
	@touch $@

## make coverage   branch coverage of the pure code, at least 95 %
coverage: setup
	$(BIN)/coverage run --branch --source=pcs/core,pcs/codec,hil/analysis,hil/verdict -m pytest -q $(call existing,unit property conformance)
	$(BIN)/coverage report --include='pcs/core/*' --show-missing --fail-under=95
	$(BIN)/coverage report --include='pcs/codec/*' --show-missing --fail-under=95
	$(BIN)/coverage report --include='hil/analysis/*' --show-missing --fail-under=95
	$(BIN)/coverage report --include='hil/verdict/*' --show-missing --fail-under=95

## make referee    the independent site, if it lies beside this folder
referee: setup
	$(BIN)/python $(REFEREE) $(SCENARIOS) --pcs "$(BIN)/pcs run {site} --duration {duration}"

## make docs       regenerate what is generated: site-file reference, schema, fail-safe table, pictures
docs: setup
	$(BIN)/python -m tests.docs

## make requirements   pin anew (needs uv)
requirements:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra dev --extra hil pyproject.toml -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra fuzz pyproject.toml -o requirements/fuzz.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra mutation --extra hil pyproject.toml -o requirements/mutation.txt

clean:
	rm -rf $(VENV) $(FUZZ_VENV) $(MUTATION_VENV) mutants .fuzz demo-run crd-run .mypy_cache .ruff_cache .hypothesis .import_linter_cache
