# `make help` prints each target with the text after its ##.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .setup
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Processes that run tests side by side, four tenths of whose time is waiting; and the slowest tests, named at the end.
WORKERS ?= 3
PYTEST := $(BIN)/pytest -n $(WORKERS) --durations=10

.DEFAULT_GOAL := help
.PHONY: help doctor setup run up down test again unit integration e2e lint format css browser contract schemas characters dashboard rooms bench-rival clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

doctor: ## list missing programs, with the command that installs each
	@$(PYTHON) deploy/local/doctor.py

setup: $(SETUP)/python $(SETUP)/package $(SETUP)/npm $(SETUP)/kafka $(SETUP)/schemas $(SETUP)/verapdf ## install everything into this folder (fast when nothing has changed)

run: doctor setup ## start everything, feed the sample cohort, play its holders; ONCE=1 stops at the end, exit code 0 if all counts match; REPLICAS=3 processes of each service
	@$(BIN)/akashi run $(if $(filter-out 0,$(ONCE)),--once) $(if $(REPLICAS),--replicas $(REPLICAS))

up: doctor setup ## start everything without feeding anything
	@$(BIN)/akashi up

down: setup ## stop what `akashi up --detach` started
	@$(BIN)/akashi down

test: setup ## run all tests
	$(PYTEST) tests/unit tests/integration tests/browser tests/e2e

again: setup ## run the tests that failed in the last run once more, one after the other
	$(BIN)/pytest -n 0 --last-failed --last-failed-no-failures none --durations=10

unit: setup ## run the fast tests (tests/unit)
	$(PYTEST) tests/unit

integration: setup ## run the tests against real servers (tests/integration)
	$(PYTEST) tests/integration

e2e: setup ## run the stories (tests/e2e)
	$(PYTEST) tests/e2e

lint: $(SETUP)/python $(SETUP)/package ## check format, style, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SETUP)/python ## format the code with ruff
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

css: $(SETUP)/npm ## build the CSS file of all pages
	node shared/runtime/web/build.mjs

browser: $(SETUP)/package $(SETUP)/npm ## build the script of the check in the browser
	$(BIN)/python -m services.verifier.web.browser_words
	node services/verifier/browser/build.mjs

contract: $(SETUP)/npm ## compile the contract; its artifact is checked in
	node shared/contract/compile.mjs

schemas: $(SETUP)/python $(SETUP)/package ## generate docs/events from the event types
	$(BIN)/python -m deploy.schemas

characters: $(SETUP)/python $(SETUP)/package ## generate shared/character_forms.py from OpenCC's table of old and new forms
	$(BIN)/python -m deploy.character_forms

dashboard: $(SETUP)/python $(SETUP)/package ## generate deploy/monitoring/dashboard.json from the metrics of the code
	$(BIN)/python -m deploy.monitoring.dashboard

rooms: $(SETUP)/python $(SETUP)/package ## count modules, rooms and imports of each service
	@$(BIN)/python -m deploy.rooms

bench-rival: ## install cert-issuer 3.13.1 into its own environment, for `akashi bench anchor` and `pipeline --rival`
	$(PYTHON) -m venv var/bench/cert-issuer
	var/bench/cert-issuer/bin/pip install -q --no-deps -r deploy/bench/cert-issuer.txt

clean: ## remove what was built and installed here; var/ is kept
	rm -rf .venv $(SETUP) node_modules deploy/local/kafka/target tests/verapdf/target .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv .venv

$(SETUP)/python: requirements-dev.lock | $(BIN)/python
	@mkdir -p $(SETUP)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(SETUP)/package: pyproject.toml $(SETUP)/python
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(SETUP)/npm: package.json package-lock.json .npmrc
	@mkdir -p $(SETUP)
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(SETUP)/kafka: deploy/local/kafka/pom.xml deploy/local/kafka/log4j2.properties $(SETUP)/python
	$(BIN)/python -m deploy.local.parts.kafka_node
	@touch $@

# 1EdTech's JSON Schemas, for the tests
$(SETUP)/schemas: tests/schemas/fetch.py tests/schemas/requirements.txt tests/schemas/SHA256SUMS $(SETUP)/python
	$(BIN)/python -m tests.schemas.fetch
	@touch $@

# the validator of PDF/A and PDF/UA, for the tests
$(SETUP)/verapdf: tests/verapdf/pom.xml tests/verapdf/fetch.py $(SETUP)/python
	$(BIN)/python -m tests.verapdf.fetch
	@touch $@
