# Every target makes what it needs: `make demo` works on a fresh checkout.

VENV := .venv
BIN := $(VENV)/bin
SETUP := pyproject.toml scripts/venv
WORKERS ?= 2
ARGS ?=

.PHONY: help demo test quick check fix coverage docs bench clean

help: ## say what there is to make
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.made ## watch raw, dirty files become gold tables
	@$(BIN)/lake demo $(ARGS)

test: $(VENV)/.made-dev ## run every test
	@[ "$$(id -u)" != 0 ] || scripts/servers  # without them their tests are skipped, with a reason
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup $(ARGS)

quick: $(VENV)/.made-dev ## run the tests that take moments
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup -m "not slow and not fault" $(ARGS)

check: $(VENV)/.made-dev ## lint, format, types, layers, spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell

fix: $(VENV)/.made-dev ## repair what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/python scripts/cli_reference.py
	$(BIN)/python scripts/sql_functions.py
	$(BIN)/python scripts/athena_reference.py

coverage: $(VENV)/.made-dev ## run every test and show what none reaches
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --cov --cov-report=term-missing:skip-covered $(ARGS)

docs: $(VENV)/.made-docs ## build the pages into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/.made-bench ## measure against the budgets; needs Java, gigabytes and minutes
	@set -e; for bench in benchmarks/bench_*.py; do \
	  echo "== $$bench"; $(BIN)/python $$bench $(ARGS); done

clean: ## delete what make made
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.made: $(SETUP)
	@echo "setting up $(VENV), once" >&2
	@scripts/venv $(VENV)
	@touch $@

$(VENV)/.made-dev: $(SETUP)
	@scripts/venv $(VENV) dev
	@touch $@ $(VENV)/.made

$(VENV)/.made-docs: $(SETUP)
	@scripts/venv $(VENV) docs
	@touch $@ $(VENV)/.made

$(VENV)/.made-bench: $(SETUP)
	@scripts/venv $(VENV) bench
	@command -v java >/dev/null || { apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openjdk-17-jre-headless; }
	@touch $@ $(VENV)/.made
