# The commands of mmmap. `make` alone lists them.
PYTHON ?= python3
VENV ?= .venv
# mmcv's operators: python (no compiler needed), compiled, or auto (keep).
OPS ?= auto
# Where the demo writes, and further arguments for any command.
DEMO_DIR ?= work_dirs/demo
ARGS ?=
# Processes that run tests, of one thread each and up to 4 GB. Three keep two
# cores busy: some tests wait.
JOBS ?= 3
# The environment of the documentation site; the site is written to site/.
DOCS_VENV ?= .venv-docs

# Threads that wait without spinning: a busy machine is not stalled.
export OMP_WAIT_POLICY ?= PASSIVE

PY := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help install repair demo test test-fast test-gpu lint format bench \
    configs docs doctor clean

help: ## list the commands
	@echo 'make COMMAND [PYTHON=python3.12] [VENV=.venv] [OPS=compiled] [ARGS="..."]'
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | \
	    awk -F'\t' '{ printf "  %-10s %s\n", $$1, $$2 }'

install: ## create the environment; takes seconds if it exists
	@$(PYTHON) tools/install.py --venv $(VENV) --ops $(OPS)

repair: ## repeat every step of install
	@$(PYTHON) tools/install.py --venv $(VENV) --ops $(OPS) --repair

demo: install ## pretrain, segment, detect; a page with pictures in DEMO_DIR
	@$(PY) tools/demo.py --work-dir $(DEMO_DIR) $(ARGS)

test: install ## run the tests in JOBS processes; what needs a GPU skips
	@$(PY) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-fast: install ## run the tests that neither start processes nor train
	@$(PY) -m pytest -n $(JOBS) --dist worksteal -m 'not slow' $(ARGS)

test-gpu: install ## run only the tests that need a GPU
	@$(PY) -m pytest -m gpu $(ARGS)

lint: install ## check style, import order, format and spelling
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m codespell_lib

format: install ## fix what lint can fix
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: install ## run every tools/benchmarks/bench_*.py
	@for script in tools/benchmarks/bench_*.py; do \
	    echo "== $$script"; $(PY) $$script $(ARGS) || exit 1; done

configs: install ## write the tables and metafiles of configs/rows.yml
	@$(PY) tools/make_configs.py

docs: $(DOCS_VENV)/installed ## build the documentation site in site/
	@$(DOCS_VENV)/bin/mkdocs build --strict $(ARGS)

$(DOCS_VENV)/installed: requirements/docs.txt requirements/lint.txt
	@$(PYTHON) -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip install --quiet \
	    -r requirements/docs.txt -r requirements/lint.txt
	@touch $@

doctor: ## what is installed, which scan runs, how to fix what is wrong
	@if [ -x $(PY) ]; then $(PY) -m mmmap.doctor $(ARGS); \
	    else $(PYTHON) -m mmmap.doctor $(ARGS); fi

clean: ## remove caches and build folders; keeps VENV and work_dirs
	@rm -rf build dist site .pytest_cache .ruff_cache ./*.egg-info \
	    packages/*/build packages/*/*.egg-info
	@find mmmap packages tools tests configs -name __pycache__ -prune \
	    -exec rm -rf {} + 2>/dev/null || true
