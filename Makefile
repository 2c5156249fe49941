# What each target does stands after its ##; `make help` prints it.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .setup
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Processes that run tests side by side, half of whose time is waiting; and the slowest tests, named at the end.
WORKERS ?= 3
PYTEST := $(BIN)/pytest -n $(WORKERS) --durations=10

.DEFAULT_GOAL := help
.PHONY: help doctor setup run up down test unit integration e2e lint format css browser contract schemas bench-rival clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

doctor: ## name what this machine lacks, with the command that installs it
	@$(PYTHON) deploy/local/doctor.py

setup: $(SETUP)/python $(SETUP)/package $(SETUP)/npm $(SETUP)/kafka ## install everything into this folder (done once, then quick)

run: doctor setup ## start everything, feed the sample cohort, play its holders; ONCE=1 ends with exit code 0 if every count matches
	@$(BIN)/akashi run $(if $(filter-out 0,$(ONCE)),--once)

up: doctor setup ## start everything, feed nothing
	@$(BIN)/akashi up

down: setup ## stop what `akashi up --detach` started
	@$(BIN)/akashi down

test: setup ## all tests
	$(PYTEST) tests/unit tests/integration tests/browser tests/e2e

unit: setup ## the fast tests only
	$(PYTEST) tests/unit

integration: setup ## the tests against real servers
	$(PYTEST) tests/integration

e2e: setup ## the stories
	$(PYTEST) tests/e2e

lint: $(SETUP)/python $(SETUP)/package ## format, style, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SETUP)/python ## write the code as ruff would
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

css: $(SETUP)/npm ## make the pages' one CSS file from its source
	node shared/runtime/web/build.mjs

browser: $(SETUP)/package $(SETUP)/npm ## make the script of the check in the browser from its sources
	$(BIN)/python -m services.verifier.web.browser_words
	node services/verifier/browser/build.mjs

contract: $(SETUP)/npm ## compile the contract; its artifact is checked in
	node shared/contract/compile.mjs

schemas: $(SETUP)/python $(SETUP)/package ## write docs/events from the types of the events
	$(BIN)/python -m deploy.schemas

bench-rival: ## install cert-issuer 3.13.1 into an environment of its own, for `akashi bench anchor`
	$(PYTHON) -m venv var/bench/cert-issuer
	var/bench/cert-issuer/bin/pip install -q --no-deps -r deploy/bench/cert-issuer.txt

clean: ## remove what was built and installed here; data in var/ stay
	rm -rf .venv $(SETUP) node_modules deploy/local/kafka/target .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

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
	$(BIN)/python -m deploy.local.kafka_node
	@touch $@
