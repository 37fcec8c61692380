PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
SETUP := $(VENV)/.ready
INSTALL := $(PYTHON) -m pip install --disable-pip-version-check

.PHONY: setup models demo test prove check unit integration browser bench lock

setup: $(SETUP)

$(SETUP): requirements.lock pyproject.toml
	@$(PYTHON3) infra/machine.py
	@echo "Installing the application environment into $(VENV): 1.2 GB, some minutes."
	$(PYTHON3) -m venv $(VENV)
	@$(INSTALL) --require-hashes --requirement requirements.lock && $(INSTALL) --no-deps --no-build-isolation --editable . \
	  || { echo "wardflow: could not install (why: above). Is the package index reachable? make goes on from here." >&2; exit 1; }
	@touch $(SETUP)
	@echo "The application environment is ready."

models: $(SETUP)
	$(PYTHON) -m infra.models install

demo: $(SETUP)
	$(VENV)/bin/wardflow demo --limit 60

# What a change must pass: the same real parts as the demo, the real model and a real browser.
test: check unit integration

check: $(SETUP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/basedpyright
	$(VENV)/bin/lint-imports

unit: $(SETUP)
	$(PYTHON) -m pytest tests/unit tests/replay

integration: $(SETUP) models
	infra/install-debian.sh
	$(PYTHON) -m pytest tests/integration tests/scenarios tests/browser

# The long proof: seeded chaos, then the same with one safety taken out at a time (docs/reliability.md). The power cut
# among them needs root.
prove: $(SETUP)
	$(PYTHON) -m tests.measure.prove

# About 20 minutes on two quiet cores; `make bench BENCH_SECONDS=60` is a shorter one.
bench: $(SETUP)
	$(PYTHON) -m tests.measure.benchmarks $(if $(BENCH_SECONDS),--seconds $(BENCH_SECONDS)) --keep docs/benchmarks

lock: $(SETUP)
	$(PYTHON) -m uv pip compile pyproject.toml --extra local --extra evaluate --extra traces --group dev --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --python-version 3.11 --output-file requirements.lock
