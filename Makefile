PYTHON ?= python3
BIN := .venv/bin

.PHONY: install test lint wheel bench

install:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -e '.[dev]' -c constraints.txt

test:
	$(BIN)/python -m pytest

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

wheel:
	$(BIN)/python -m build

bench:
	$(BIN)/python -m benchmarks
