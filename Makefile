VENV := .venv
PYTHON := $(VENV)/bin/python
MODEL_CACHE := .cache/models
SETUP := $(VENV)/.ready

.PHONY: setup models demo test prove check unit integration browser lock

setup: $(SETUP)

$(SETUP): requirements.lock pyproject.toml
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(SETUP)

models: $(SETUP)
	$(PYTHON) -m infra.models install --venv .venv-models --cache $(MODEL_CACHE)

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
	$(PYTHON) -m tests.prove

lock: $(SETUP)
	$(PYTHON) -m uv pip compile pyproject.toml --extra local --extra evaluate --extra traces --group dev --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header --python-version 3.11 --output-file requirements.lock
