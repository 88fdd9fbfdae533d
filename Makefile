.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
OLD_TRANSFORMERS := .venv/oracles/transformers-4.57
NATIVE := $(shell find native -type f) CMakeLists.txt
BENCH_INSTALLED := .venv/.installed-bench
# What of `make bench` to run: BENCH='--models bert-base --work 1x128' measures only that anew.
BENCH ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo test test-long bench lint clean

help:  ## Show what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(INSTALLED): pyproject.toml constraints.txt $(NATIVE)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install -q -c constraints.txt -e '.[test]'
	# An oracle of the optimizers; what it depends on would bring a second torch, and they need none of it.
	$(PIP) install -q --no-deps timm
	touch $@

# The old pure-Python tokenizer, which is gone from transformers 5, has to live in a folder of its own.
$(OLD_TRANSFORMERS): $(INSTALLED)
	mkdir -p $(@D)
	$(PIP) install -q --target $@ transformers==4.57.6 > $@.log 2>&1 || (cat $@.log; exit 1)
	touch $@

demo: $(INSTALLED)  ## Install, then answer for every task from the embedded model, offline
	$(BIN)/squeezebert demo

test: $(INSTALLED) $(OLD_TRANSFORMERS) lint  ## Install, then run all tests (under 10 minutes on 2 cores)
	$(BIN)/python -m pytest -n 2

test-long: $(INSTALLED) $(OLD_TRANSFORMERS) test-native  ## The slow tests; those on real data need SQUEEZEBERT_DATA
	$(BIN)/python -m pytest -m long

$(BENCH_INSTALLED): $(INSTALLED)
	$(PIP) install -q -c constraints.txt -e '.[bench]'
	touch $@

bench: $(BENCH_INSTALLED)  ## Speed beside other runtimes and models; the machine must be idle
	mkdir -p docs/results
	$(BIN)/squeezebert benchmark --cache build/benchmark --output docs/results/benchmark.json \
		--table docs/results/benchmark.md --chart docs/results/benchmark.svg $(BENCH)

include native/native.mk

lint: $(INSTALLED)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## Remove everything that make has built
	rm -rf .venv build
