# Needs python 3.11 or newer, make, and a package index. Everything goes to .venv; nothing else is touched.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := .demo
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo test test-all lint types format docs benchmark clean

help:
	@echo "make demo       install, then fit and predict a bundled real data set in about a minute"
	@echo "make test       all tests but the slow ones"
	@echo "make test-all   the slow ones too"
	@echo "make lint       ruff: rules and format"
	@echo "make types      mypy, strict"
	@echo "make format     let ruff mend what it can"
	@echo "make docs       the documentation as HTML; a warning is an error"
	@echo "make benchmark  the times the command promises"
	@echo "make clean      delete what the above made"

# A stamp stands for an installed set of packages; it is older than what it was installed from when that changes.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) --editable '.[docs]'
	@touch $@

demo: $(VENV)/.installed
	@mkdir -p $(DEMO)
	$(BIN)/automl sample breast_cancer --output $(DEMO)/breast_cancer.csv --overwrite
	$(BIN)/automl fit $(DEMO)/breast_cancer.csv --time-limit 40s --output $(DEMO)/run --overwrite
	$(BIN)/automl predict $(DEMO)/run/model.automl $(DEMO)/breast_cancer.csv --proba --output $(DEMO)/scored.csv
	@head -n 4 $(DEMO)/scored.csv
	@echo
	@echo "the report:      $(CURDIR)/$(DEMO)/run/report.html"
	@echo "the predictions: $(CURDIR)/$(DEMO)/scored.csv"

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not slow and not benchmark"

test-all: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html docs docs/_build/html
	@echo "$(CURDIR)/docs/_build/html/index.html"

benchmark: $(VENV)/.installed
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) $(DEMO) docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
