# Everything a developer runs; CI runs `make check`. `make help` lists it.

PYTHON ?= python3
# Pins the CPU build of torch. On a machine with a GPU: `make CONSTRAINTS= demo`, the first time.
CONSTRAINTS ?= constraints.txt
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PIN := $(if $(CONSTRAINTS),-c $(CONSTRAINTS))
# Where the CPU build of torch is to be had, if the indexes pip is set up with lack it (torch's installation page tells).
TORCH_INDEX ?=

# One thread a process: the test workers share the cores among themselves.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest

.NOTPARALLEL:
.PHONY: help demo test check format-check lint types imports dependencies dead-code fix bench soak clean

help: ## list what there is
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1|/' | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

demo: $(INSTALLED) ## train, predict, generate and report on small data, into runs/
	$(BIN)/dnagpt demo

test: $(INSTALLED) ## the tests, and the examples in the documentation of every function
	$(PYTEST) -n $(WORKERS)

check: format-check lint types imports dependencies dead-code test ## all that CI checks, in its order

format-check: $(INSTALLED)
	@echo "== format: ruff format =="
	@$(BIN)/ruff format --check .

lint: $(INSTALLED)
	@echo "== lint: ruff check =="
	@$(BIN)/ruff check .

types: $(INSTALLED)
	@echo "== types: mypy =="
	@$(BIN)/mypy

imports: $(INSTALLED)
	@echo "== direction of imports: import-linter =="
	@$(BIN)/lint-imports --no-logo

dependencies: $(INSTALLED)
	@echo "== declared dependencies: deptry =="
	@$(BIN)/deptry src

dead-code: $(INSTALLED)
	@echo "== dead code: vulture =="
	@$(BIN)/vulture

fix: $(INSTALLED) ## format, and mend what can be mended without a person
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## measure: every script in benchmarks/ in turn
	@for script in benchmarks/*.py; do \
		[ -e "$$script" ] || { echo "There is nothing in benchmarks/."; exit 1; }; \
		echo "== $$script =="; $(BIN)/python "$$script" || exit 1; \
	done

soak: $(INSTALLED) ## the slow tests: killed runs, long runs, many random examples
	HYPOTHESIS_PROFILE=explore $(PYTEST) -n $(WORKERS) -m slow --timeout 3600

clean: ## remove what tools leave behind; .venv and runs stay
	rm -rf build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Nothing is installed, and no network is needed, while this file is newer than what it depends on.
# Where no configured index has the CPU build of torch, PyTorch's own index has it.
$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) on this machine: dnagpt needs Python 3.11 or newer."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "dnagpt needs Python 3.11 or newer, and this is $$($(PYTHON) --version 2>&1): name another one, as in make PYTHON=python3.12 test"; exit 2; }
	@echo "Installing into $(VENV): minutes the first time."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@$(PIP) install $(PIN) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch || { \
		echo "torch could not be installed. If its CPU build was not found, name the index that has it: make TORCH_INDEX=... test"; exit 1; }
	@$(PIP) install $(PIN) -e '.[all]' --group dev
	@touch $@
