# Everything a developer runs; CI runs `make check`. `make help` lists it.

PYTHON ?= python3
# Where there is a GPU: `make GPU=1 demo`, the first time. It leaves torch to pip, which then brings CUDA along.
GPU ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CPU_TORCH := $(if $(GPU),,-c torch-cpu.txt)
# What is installed, and what builds the package, is what constraints.txt says; `make lock` renews it.
PINS := $(CPU_TORCH) -c constraints.txt
# Where the CPU build of torch is to be had, if the indexes pip is set up with lack it (torch's installation page tells).
TORCH_INDEX ?=

# One thread a process: the test workers share the cores among themselves.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest

INTERFACES := "interfaces and not slow"
# uv works out which versions go together; $(1) is its environment. torch itself stands in torch-cpu.txt.
resolve = $(1)/bin/uv pip compile -q --python-version 3.11 --all-extras --group dev -c torch-cpu.txt \
	--no-emit-package torch --no-annotate --no-header pyproject.toml

# $(call install,ENVIRONMENT,OPTIONS): torch first, so that it is clear what is missing where its CPU build is not to be had.
pip = $(1)/bin/python -m pip --disable-pip-version-check -qq install
define install
$(call pip,$(1)) -c constraints.txt --upgrade pip && \
	{ $(call pip,$(1)) $(2) $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX)) torch || { \
	echo "torch could not be installed. If its CPU build was not found, name the index that has it: make TORCH_INDEX=... test"; exit 1; }; } && \
	$(call pip,$(1)) $(2) -e '.[all]' --group dev
endef

.NOTPARALLEL:
.PHONY: help demo test test-newest test-lowest lock check format-check lint types imports dependencies dead-code fix bench soak clean

help: ## list what there is
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1|/' | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

demo: $(INSTALLED) ## train, predict, generate and report on small data, into runs/
	$(BIN)/dnagpt demo

test: $(INSTALLED) ## the tests, and the examples in the documentation of every function
	$(PYTEST) -n $(WORKERS)

test-newest: ## what touches other packages, with the newest version of each
	@$(PYTHON) -m venv .venv-newest
	@$(call install,.venv-newest,--upgrade --upgrade-strategy eager $(CPU_TORCH))
	$(ONE_THREAD) .venv-newest/bin/python -m pytest -n $(WORKERS) -m $(INTERFACES) $(TESTS)

test-lowest: ## the same with the oldest versions that pyproject.toml allows
	@$(PYTHON) -m venv .venv-lowest
	@$(call pip,.venv-lowest) uv
	@$(call resolve,.venv-lowest) --resolution lowest-direct > .venv-lowest/constraints.txt
	@$(call install,.venv-lowest,$(CPU_TORCH) -c .venv-lowest/constraints.txt)
	$(ONE_THREAD) .venv-lowest/bin/python -m pytest -n $(WORKERS) -m $(INTERFACES) $(TESTS)

lock: ## renew constraints.txt: the newest versions that go together, for Python 3.11, 3.12 and 3.13
	@$(PYTHON) -m venv .venv-lock
	@$(call pip,.venv-lock) --upgrade uv
	@{ echo "# Made by 'make lock': all that 'make' installs, for Python 3.11 and newer. torch stands in torch-cpu.txt."; \
		printf 'pip\nhatchling\neditables\n' | $(call resolve,.venv-lock) - --universal --upgrade; } > .venv-lock/constraints.txt
	@cp .venv-lock/constraints.txt constraints.txt

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
$(INSTALLED): pyproject.toml constraints.txt torch-cpu.txt
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) on this machine: dnagpt needs Python 3.11 or newer."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "dnagpt needs Python 3.11 or newer, and this is $$($(PYTHON) --version 2>&1): name another one, as in make PYTHON=python3.12 test"; exit 2; }
	@echo "Installing into $(VENV): minutes the first time."
	@$(PYTHON) -m venv $(VENV)
	@$(call install,$(VENV),$(PINS) --build-constraint constraints.txt)
	@touch $@
