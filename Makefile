# Needs Python >= 3.11 and make, nothing else. `make demo` shows it, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= auto

.PHONY: help setup demo test lint types imports unit integration fuzz bench docs reference lock clean

help: ## What can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(VENV)/.core ## Make .venv with .venv/bin/strongroom
	@echo "ready: $(BIN)/strongroom --help"

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: $$($(PYTHON) --version 2>&1): found $(PYTHON), wanted Python 3.11 or newer"; \
	  echo "hint: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.core: $(VENV)/.python requirements/core.txt pyproject.toml
	$(PIP) install --require-hashes -r requirements/core.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.dev: $(VENV)/.core requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.docs: $(VENV)/.core requirements/docs.txt
	$(PIP) install --require-hashes -r requirements/docs.txt
	@touch $@

demo: $(VENV)/.core ## The story in scenes: assess an example estate and this host
	@$(BIN)/python examples/demo.py

test: lint types imports unit ## Lint, types, contracts, tests

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

unit: $(VENV)/.dev
	$(BIN)/pytest -n $(WORKERS)

integration: $(VENV)/.dev ## The tests that start real servers and programs
	$(BIN)/pytest -m integration -n 0

fuzz: $(VENV)/.dev ## Hostile input against every parser, longer than in `make test`
	STRONGROOM_FUZZ=1 $(BIN)/pytest -n $(WORKERS) -k "fuzz or hostile"
	$(BIN)/python tests/attest/fuzzing.py
	$(BIN)/python tests/seal/fuzz_scan.py

bench: $(VENV)/.dev ## Speed and size, beside the peers that are installed; writes benchmarks/results/
	for script in artifacts assess attest attest_node attest_nvidia attest_tpm aws_live exceptions graph keys kubernetes ledger oms patch_state reach_aws reconcile release reports scan scrub start watch who_can whole; do $(BIN)/python benchmarks/$$script.py || exit 1; done

docs: $(VENV)/.docs reference ## The site, in site/
	$(BIN)/zensical build --clean --strict

reference: $(VENV)/.dev ## The reference pages, from the code
	$(BIN)/python docs/generate.py

lock: $(VENV)/.dev ## Pin the requirements again (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group build -o requirements/core.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group build --group dev -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group build --group docs -o requirements/docs.txt

clean: ## Remove everything that was made
	rm -rf $(VENV) build dist site demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
