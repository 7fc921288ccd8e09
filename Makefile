# Everything a checkout needs, from nothing but Python 3.11 or newer and make. `make help` lists the targets.

PYTHON ?= python3
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install
INSTALLED := $(VENV)/.installed
TESTABLE := $(VENV)/.testable

.DEFAULT_GOAL := help
.PHONY: help study test lint types bench chaos fuzz cluster statistics house clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

study: $(INSTALLED) ## install, get the data, run the quickstart to its end, write its report; resumes
	$(BIN)/vggsearch data fetch fashion-mnist
	$(BIN)/vggsearch run quickstart --report

test: lint types ## lint, types and all tests, two files at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: $(TESTABLE) ## style of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TESTABLE) ## types of the package, for Linux, macOS and Windows
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32

bench: $(TESTABLE) ## benchmarks alone, which `make test` leaves out
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -o addopts=-q --benchmark-only tests

chaos: $(TESTABLE) ## kill, starve and damage studies, hundreds of times; `make test` does it in short
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -o addopts='-q -s -rs' --long tests/chaos

fuzz: $(TESTABLE) ## a million hostile inputs and more to every parser; `make test` does it in short
	$(PIP) --editable '.[fuzz]'
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/run.py

cluster: $(TESTABLE) ## all tests on a Ray cluster of several nodes, started here; `make test` leaves out the longest
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --long tests/execution/test_ray.py

statistics: $(INSTALLED) ## simulate studies of known truth: how often verdicts are wrong, as in docs/statistics.md
	$(BIN)/python tests/simulation.py

house: $(INSTALLED) ## measure the structure of the package, as in docs/architecture.md
	$(BIN)/python tests/house.py

clean: ## remove caches and build leftovers; the environment, the store and the reports stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find vggsearch tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is touched only after its step has succeeded, so an interrupted installation is taken up again.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else "vggsearch needs Python 3.11 or newer, and $(PYTHON) is %d.%d: name another one, as in make PYTHON=python3.12 $(MAKECMDGOALS)" % v[:2])'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(INSTALLED): pyproject.toml | $(BIN)/python
	@echo "Installing vggsearch and its libraries into $(VENV): 5 to 6 GB, some minutes, once."
	$(PIP) --editable .
	@touch $@

$(TESTABLE): pyproject.toml | $(INSTALLED)
	$(PIP) --editable '.[test]'
	@touch $@
