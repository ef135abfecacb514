# Every target makes what it needs in .venv, with uv when it is there and with pip when it is not.
#   make PYTHON=python3.12 ...   the Python that a new .venv is made with
#   make UV= ...                 pip, even where there is a uv
#   make test ARGS="-k floors"   more arguments for pytest

PYTHON ?= python3
UV ?= $(shell command -v uv 2>/dev/null)
PEERS ?= torch==2.13.0 jax==0.10.0 jaxlib==0.10.0
ARGS ?=

BIN := .venv/bin
.SHELLFLAGS := -ec
PYTEST := $(BIN)/python -m pytest -q -n auto
.DEFAULT_GOAL := help
.NOTPARALLEL:  # one .venv; the tools inside a target use all processors
.PHONY: help docs demo test test-slow test-plain smoke torture differential mutants mutation lint format types check bench gallery studies peers axe constraints clean FORCE

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.installed  ## train a shallow and a deep network on the embedded digits and compare them
	@vgrad() { echo "> vgrad $$*" >&2; $(BIN)/python -m vgrad "$$@"; }; \
	shallow=$$(vgrad train configs/quickstart.yaml); \
	deep=$$(vgrad train configs/quickstart.yaml -s layers.depth=5); \
	vgrad report "$$shallow" "$$deep"

test: .venv/.installed-dev  ## run the tests that take seconds
	@$(PYTEST) -m "not slow" $(ARGS)

test-slow: .venv/.installed-dev  ## run the tests that take minutes (VGRAD_FULL=1: all of their cases, hours)
	@$(PYTEST) --maxschedchunk 1 -m slow $(ARGS) || test $$? -eq 5  # 5: there are none

# What computes, and what shows numbers.
NUMERIC := tests/nn tests/training tests/theory tests/study/test_study_judging.py tests/report/test_report_values.py tests/report/test_report_truth.py tests/test_statistics.py tests/test_vanishing.py tests/test_documents.py

test-plain: .venv/.installed-dev  ## run the tests of numbers and documents without NumPy's vector loops
	@$(BIN)/python scripts/plain.py $(PYTEST) -m "not slow" $(NUMERIC) $(ARGS)

smoke: .venv/.installed  ## build vgrad, and try it with the lowest versions that it declares and the newest, on every Python
	@$(BIN)/python tests/smoke/smoke.py

mutation: .venv/.installed-mutation  ## change AREA (nn, training, …) in N places and see the default suite notice
	@$(BIN)/python scripts/mutation.py $(or $(AREA),$(error AREA=nn, training, statistics, store, storage, study or theory)) \
	$(if $(N),-n $(N)) $(if $(SEED),--seed $(SEED)) $(ARGS)

lint: .venv/.installed-dev  ## look for faults of form
	@$(BIN)/python -m ruff format --check --quiet . || { echo "not formatted: make format" >&2; exit 1; }
	@$(BIN)/python -m ruff check --quiet .

format: .venv/.installed-dev  ## put the code in form
	@$(BIN)/python -m ruff format --quiet .
	@$(BIN)/python -m ruff check --quiet --fix .

types: .venv/.installed-dev  ## check the types
	@$(BIN)/python -m mypy

check: lint types test test-slow test-plain smoke  ## everything that a change has to pass

torture: .venv/.installed-dev  ## kill runs N times (default 5000) at random moments and compare their bytes
	@$(BIN)/python tests/faults/faultlab.py torture $(or $(N),5000)

differential: .venv/.installed-peers  ## train N (default 200) random configs beside PyTorch; SEED=1 draws others
	@$(BIN)/python tests/nn/differential.py $(or $(N),200) $(or $(SEED),0)

mutants: .venv/.installed-dev  ## take each safeguard out and see its test turn red
	@$(BIN)/python tests/faults/mutants.py

docs: .venv/.installed-dev  ## run the commands in the documents and put in what they print
	@$(BIN)/python scripts/documents.py --write README.md $(wildcard docs/*.md)
	@$(BIN)/python scripts/notebook.py --write

bench: .venv/.installed-dev  ## run the benchmarks
	@missed=; for file in $(or $(wildcard benchmarks/[!_]*.py),$(error no benchmarks here)); do \
	echo "> $$file"; $(BIN)/python "$$file" || missed="$$missed $$file"; done; test -z "$$missed" || { echo "missed:$$missed" >&2; exit 1; }

gallery: .venv/.installed  ## draw docs/gallery.md again from runs/reference
	@$(BIN)/python scripts/gallery.py

studies: .venv/.installed  ## reproduce the studies on MNIST and keep their outcome in runs/reference (half an hour)
	@$(BIN)/python scripts/studies.py

peers: .venv/.installed-peers  ## install PyTorch and JAX (large); tests and benchmarks then compare vgrad with them

axe: .venv/axe-core/axe.min.js  ## fetch axe-core, with which the page's accessibility is tested

.venv/axe-core/axe.min.js: | .venv/.installed-dev
	@mkdir -p .venv/axe-core
	@cd .venv/axe-core; npm pack --silent axe-core@4 >/dev/null; tar -xzf axe-core-*.tgz --strip-components=1 package/axe.min.js; rm axe-core-*.tgz

constraints: .venv/.installed-mutation  ## write the versions in .venv, with which the checks passed, to constraints.txt
	@$(BIN)/python scripts/constraints.py > constraints.txt

clean:  ## remove .venv, caches and builds; runs/ stays
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +

# "fine" from a Python that runs and is new enough, else nothing.
says = $(shell $(1) -c 'import sys; print("fine" * (sys.version_info >= (3, 11)))' 2>/dev/null)

# A .venv stays if no install into it was cut off and its Python is fine, whoever made it; else it is made anew.
stays = $(call says,test ! -e .venv/.unfinished && $(BIN)/python)

define venv
	$(if $(call says,$(PYTHON)),,$(error vgrad needs Python 3.11 or newer, and $(PYTHON) is not one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)))
	rm -rf .venv; mkdir .venv; touch .venv/.unfinished
	$(if $(UV),$(UV) venv --quiet --allow-existing --python "$$(command -v $(PYTHON))" .venv,$(PYTHON) -m venv .venv)
	rm .venv/.unfinished
endef

with_pip = { $(BIN)/python -m pip --version || $(BIN)/python -m ensurepip; } >/dev/null 2>&1; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check
with_uv = $(UV) pip install --quiet --python $(BIN)/python

# $(call install,HOW,WHAT). A failure leaves .venv for another try; a kill leaves the mark, and the next try starts over.
define install
	@echo 'installing $(2) into .venv' >&2
	@touch .venv/.unfinished; trap 'rm .venv/.unfinished' EXIT; $(1) $(2)
endef

.venv/.installed: pyproject.toml $(if $(stays),,FORCE)
	@$(if $(stays),,$(venv))
	$(call install,$(if $(UV),$(with_uv),$(with_pip)),-e .)
	@touch $@

.venv/.installed-dev: .venv/.installed pyproject.toml
	$(call install,$(if $(UV),$(with_uv),$(with_pip)),-e ".[dev]")
	@touch $@

.venv/.installed-mutation: .venv/.installed-dev
	$(call install,$(if $(UV),$(with_uv),$(with_pip)),-e ".[mutation]")
	@touch $@

# By pip, whose configuration may know of wheels that uv does not.
.venv/.installed-peers: .venv/.installed-dev
	$(call install,$(with_pip),$(PEERS))
	@touch $@
