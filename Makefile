# Every target does its own set-up: on a bare Debian 12 python3, pip, venv and make are enough.
# The set-up is done again only when requirements.lock or pyproject.toml changed.

PYTHON  ?= python3
WORKERS ?= 2
RUNS    ?=
SEED    ?=

PROVEN := tests/archive tests/disk tests/fuzz tests/wire

VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help run demo test check proof bench simulate package lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(READY) ## hub and station with a sample county; Ctrl-C stops both
	@$(BIN)/python packaging/run.py

demo: $(READY) ## the whole story with real processes, its figures printed
	@$(BIN)/python packaging/demo.py

test: check ## check, then every test but the long proof and the bench
	$(PYTEST) --numprocesses $(WORKERS) --dist loadfile

check: $(READY) ## style, types, direction of the imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

simulate: $(READY) ## random histories of stations and hub: RUNS= SEED=
	@$(BIN)/python -m tests.simulation $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED))

proof: $(READY) ## simulation, power cuts, kills, bad lines, mutations and damage in full volume; one table
	@rm -rf build/proof
	BIANMIN_PROOF=1 $(PYTEST) -m "proof or not proof" --timeout 0 --numprocesses $(WORKERS) --dist loadfile $(PROVEN)
	BIANMIN_PROOF=1 $(PYTEST) -m "proof or not proof" --timeout 0 tests/simulation
	@$(BIN)/python -m tests.figures

bench: $(READY) ## measure; writes build/bench.json
	$(PYTEST) tests/bench -m bench --capture=no --timeout 0

package: $(READY) ## the station as a folder that runs without Python
	@$(BIN)/python packaging/bundle.py

lock: $(READY) ## make requirements.lock anew from pyproject.toml, for all platforms
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev \
	    --generate-hashes --no-header --no-annotate --output-file requirements.lock pyproject.toml

clean: ## remove everything that was made here, the environment too
	rm -rf $(VENV) build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name another: make PYTHON=/path/to/python3"; exit 1; }
	@echo "setting up $(VENV) from requirements.lock (once; needs a package index)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
