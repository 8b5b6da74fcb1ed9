# Everything that a developer does. `make build-all` on a fresh machine needs Python 3.11 and nothing else of ours.

PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help build-all test bench bench-scale soak unit lint fmt schema up down clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build-all: $(READY) ## Build, scan, describe, sign and publish every service to the local registry
	$(BIN)/sealift build-all $(ARGS)

test: $(READY) lint ## Bring the engine up and run every test
	$(BIN)/sealift up
	$(BIN)/pytest --numprocesses 3 --no-loadscope-reorder

bench: $(READY) ## Measure against plain BuildKit and write docs/benchmarks.md (hours; ARGS="--scenario nothing")
	$(BIN)/python -m tests.bench $(ARGS)

bench-scale: $(READY) ## Measure 1, 6, 24 and 96 generated services (hours; ARGS="--services 6 --runs 1")
	$(BIN)/python -m tests.bench.scale $(ARGS)

soak: $(READY) ## A month of releases; 200 killed at random; 1,000 pushes through faults (hours; ARGS="--seed 7 --kills 20")
	$(BIN)/sealift up
	$(BIN)/pytest tests/soak
	$(BIN)/python -m tests.soak $(ARGS)

unit: $(READY) ## The tests that need no engine
	$(BIN)/pytest tests/unit

lint: $(READY) ## Style, types, import rules, and drift of the published schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pipelines.schemas --check

schema: $(READY) ## Write the published schemas again
	$(BIN)/python -m pipelines.schemas

fmt: $(READY) ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

up: $(READY) ## Start the engine and the registry
	$(BIN)/sealift up

down: $(READY) ## Stop what `make up` started
	$(BIN)/sealift down

clean: ## Remove what was made in this folder (not the engine's state: `sealift down --purge` does that)
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is newer than the lock, or the environment is set up again.
$(READY): uv.lock pyproject.toml | $(BIN)/uv
	UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --frozen --inexact --compile-bytecode
	@touch $@

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Sealift needs Python 3.11 or later, and '$(PYTHON)' is not: install it, or name another with 'make PYTHON=…'" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is incomplete: install it ('apt-get install python3-venv' on Debian and Ubuntu)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
