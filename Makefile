# Two commands matter: `make demo` runs the main job, `make test` runs the tests.
# Each sets up everything it needs in .venv, with the versions of requirements.lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: demo test check setup clean

demo: $(VENV)/.ready
	$(BIN)/palate demo

# A file's tests stay together, one thread each: faster than one process with all threads.
test: $(VENV)/.ready
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "palate needs Python 3.11 or newer; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; \
	  exit 1; }
	@echo "Setting up $(VENV): a few minutes the first time."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:
	rm -rf $(VENV)
