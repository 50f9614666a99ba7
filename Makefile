# `make demo` and `make test` need nothing but a Python 3.11 to 3.13: they set up a virtual environment of their own first.

VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
TESTS := $(BIN)/python -m pytest -n auto --dist loadscope -m

# The first Python that fits; `make PYTHON=/path/to/python test` takes another one.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; \
	then echo $$name; break; fi; done)

# Tests run side by side: more threads inside each of them would only get in each other's way.
export OMP_NUM_THREADS ?= 1

.PHONY: help install demo test check slow reference clean

help:
	@echo "make demo       the whole journey on a drawn store, in a few minutes"
	@echo "make test       every test but the slow ones"
	@echo "make check      lint, types and fast tests, in about a minute"
	@echo "make slow       the slow tests: training runs, kills, start-up times"
	@echo "make reference  write docs/commands.md and docs/recipes.md from the code"
	@echo "make clean      take the virtual environment and all caches away"

install: $(READY)

$(READY): pyproject.toml constraints.txt
ifeq ($(PYTHON),)
	@echo "Atlas needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or say where it is: make PYTHON=/path/to/python" >&2
	@exit 1
else
	@$(PYTHON) -m venv --clear $(VENV) || { \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing Atlas with all extras into $(VENV): some minutes and 2 GB, once."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[all,dev]'
	@touch $(READY)
endif

demo: $(READY)
	@env -u OMP_NUM_THREADS $(BIN)/atlas demo $(DEMO)  # alone on the machine, so with all its cores

test: $(READY)
	@$(TESTS) "not slow and not gpu"

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(TESTS) "not slow and not gpu and not browser"

slow: $(READY)
	@$(BIN)/python -m pytest -m "slow and not gpu"

reference: $(READY)
	@$(BIN)/python -m atlas.cli.reference commands > docs/commands.md
	@$(BIN)/python -m atlas.cli.reference recipes > docs/recipes.md

clean:
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
