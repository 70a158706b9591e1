# Every target sets up first; when nothing changed that takes no time. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo up test check lint faults bench chaos deploy worker drain token key clean

# Anything that runs can run the set-up, which then looks for Python 3.11. PYTHON=/path/to/python3.11 names one.
ANY_PYTHON := $(firstword $(foreach each,$(PYTHON) python3 python3.11 python,$(shell $(each) -c 'print("$(each)")' 2>/dev/null)))
export PYTHON
# Where it is set, every process of the tests rewrites and compiles all of them anew: 13 s each.
unexport PYTHONDONTWRITEBYTECODE
PY := .venv/bin/python
DATA ?= .sandbox
WAITING := tests/core/remotes tests/core/bioformats tests/core/omero_client/test_health.py
SIDE_BY_SIDE := --numprocesses 2 --dist loadscope --no-loadscope-reorder
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  DATA=directory   where up and demo keep everything (now $(DATA))"
	@echo "  PYTHON=path      the Python 3.11 to use"

setup: ## virtual environment, pinned packages, IcePy; implied by all others
	@$(if $(ANY_PYTHON),$(ANY_PYTHON) -m deployments.setup,echo "Python 3.11 is needed: apt-get install python3.11 python3.11-venv python3.11-dev"; exit 1)

demo: setup ## the whole story on this machine: images made, imported, checked
	@$(PY) -m deployments.sandbox demo --data "$(DATA)"

up: setup ## the whole system on this machine, kept running with its data until Ctrl-C
	@$(PY) -m deployments.sandbox up --data "$(DATA)"

check: setup lint ## format, lint, types and the core's tests, but those that wait for servers and Java
	@$(PY) -m pytest -q --numprocesses 2 tests/core tests/deployments/setup tests/test_imports.py $(WAITING:%=--ignore %)

test: setup lint ## check, and all tests that take no minutes each
	@$(PY) -m pytest $(SIDE_BY_SIDE) -m "not thorough$(if $(CHROMIUM),, and not browser)"
	@$(if $(CHROMIUM),,echo "Left out: the tests in a browser. They run once Chromium is there: sudo apt-get install -y chromium")

lint: setup
	@$(PY) -m ruff format --check --quiet . || { echo "Not formatted: run $(PY) -m ruff format ."; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy --no-error-summary

faults: setup ## the fault suite as a whole: what test tries of it, and all that takes longer
	@$(PY) -m pytest tests/faults
	@$(PY) -m pytest -m thorough --ignore tests/faults

bench: setup ## measure, against peers, what the figures in docs were measured with
	@$(PY) -m tests.bench

deploy: setup ## write pools, queues, limits and deployments from the settings in the environment
	@$(PY) -m deployments.deploy

worker: setup ## take runs from a pool until Ctrl-C: make worker POOL=omero-main
	@$(PY) -m deployments.worker --pool "$(POOL)" $(foreach each,$(QUEUES),--queue "$(each)") $(if $(NAME),--name "$(NAME)") $(if $(STATION),--station "$(STATION)")

drain: setup ## end the workers of this machine, or of one POOL, without losing what they import
	@$(PY) -m deployments.worker.drain --data "$(DATA)" $(if $(POOL),--pool "$(POOL)")

token: setup ## make a key for a machine: make token NAME=microscope
	@$(PY) -m deployments.make_secret token "$(or $(NAME),machine)"

key: setup ## make a key for COURIER_SEAL_KEYS
	@$(PY) -m deployments.make_secret key

chaos: setup ## faults at random for an hour, then everything compared: SEED=7 MINUTES=60 FAULTS=200
	@$(PY) -m tests.faults.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(FAULTS),--faults $(FAULTS))

clean: ## remove what up, demo, tests and set-up left; IcePy stays in its cache
	rm -rf .venv .sandbox .bench .chaos .mypy_cache .ruff_cache .pytest_cache *.egg-info
