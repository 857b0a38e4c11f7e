PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check browser clean

# The virtual environment, made once and again when its definition changes.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/installed
	$(BIN)/python examples/demo.py

# Formatting, lint, types, import rules and the test suite.
check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A Chromium for the tests of the page; where none can be installed they are skipped.
browser:
	sh tests/serve/page/browser.sh

test: check browser
	$(BIN)/pytest -n auto

clean:
	rm -rf .venv build dist
