# The commands of this project; each makes the virtual environment first if it is missing or out of date.
#   make demo               pictures from sounds that the bundled model has never heard
#   make demo SOUND=my.wav  pictures from a recording of yours
#   make test               the fast tests
#   make help               the others

VENV   ?= .venv
BIN    := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)
PIP    := $(BIN)/python -m pip --disable-pip-version-check
DEMO   ?= demo
# Soundscapes from this number on are never trained on.
SEED   ?= 2000000000
COUNT  ?= 6
ARGS   ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Show this list.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 18

# What the demo needs. Remade from nothing when the pins change, so that it never holds a mixture.
$(VENV)/.installed: constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: install one, or name it with make PYTHON=..." >&2; exit 1; }
	@echo "Making the virtual environment $(VENV); this takes a few minutes and happens once."
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --constraint constraints.txt pip
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

# What tests and checks need on top.
$(VENV)/.developed: $(VENV)/.installed
	$(PIP) install --quiet --constraint constraints.txt --editable '.[train,evaluate]' --group dev
	@touch $@

.PHONY: install develop
install: $(VENV)/.installed ## Make the virtual environment, with what the commands need.
develop: $(VENV)/.developed ## Add what the tests, the checks and training need.

.PHONY: demo
demo: $(VENV)/.installed ## Make pictures from unheard sounds, or from SOUND=my.wav.
ifdef SOUND
	@$(BIN)/sonicdiffusion generate "$(SOUND)" --out "$(DEMO)/pictures" $(ARGS)
else
	@rm -rf "$(DEMO)/soundscapes" "$(DEMO)/pictures"
	@$(BIN)/sonicdiffusion soundscapes --out "$(DEMO)/soundscapes" --count $(COUNT) --seed $(SEED)
	@$(BIN)/sonicdiffusion generate "$(DEMO)/soundscapes/sounds" --out "$(DEMO)/pictures" $(ARGS)
endif

.PHONY: test test-slow test-wheel test-page check format
test: $(VENV)/.developed ## Run the fast tests.
	$(BIN)/python -m pytest -m "not slow and not gpu and not network" $(ARGS)

test-slow: $(VENV)/.developed ## Run the slow tests, among them the wheel in a clean environment, and Ray.
	$(PIP) install --quiet --constraint constraints.txt --editable '.[distributed]'
	$(BIN)/python -m pytest -m "slow and not gpu and not network" $(ARGS)

test-wheel: $(VENV)/.developed ## Of the slow tests, that of the wheel alone.
	$(BIN)/python -m pytest -m slow tests/test_wheel.py

test-page: $(VENV)/.developed ## Of the slow tests, that of the report's page; it needs Debian's chromium, or CHROMIUM=path.
	$(BIN)/python -m pytest -m slow tests/test_page_in_browser.py

check: $(VENV)/.developed ## Lint, check the formatting, check the types.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.developed ## Put the code into the one format.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: wheel mini clean
wheel: $(VENV)/.developed ## Build the wheel into dist/.
	$(BIN)/python -m build --wheel

mini: $(VENV)/.developed ## Train the bundled model, all steps in order; start it again to go on.
	$(BIN)/sonicdiffusion train mini mini-cpu $(ARGS)

clean: ## Remove what was built, the demo's pictures and the virtual environment.
	rm -rf $(VENV) build dist "$(DEMO)" .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
