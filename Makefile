# Everything happens in .venv, which is made by whatever target needs it first.
PYTHON ?= python3
WORDS ?= yes
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all:
COMPILE := uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --quiet

.DEFAULT_GOAL := help
.PHONY: help run demo test chaos fuzz-media contract bench-intake bench-growth bench-assembly bench-analysis check rebuild-catalog
.PHONY: dead-letters docs eval hear-dialogues lock train clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## Serve everything on http://127.0.0.1:8000, data in ./data (PORT=…, DATA_DIR=…, WORDS=no)
	@exec $(BIN)/python -m deploy.local --with-parent

demo: $(VENV)/run.stamp ## Send a recording, show the events and the score (FILE=…, SERVER=http://…, TOKEN=…, SPEED=…)
	@exec $(BIN)/python -m deploy.local.demo

test: $(VENV)/dev.stamp ## Run every test against real engines (ARGS="-k word")
	@PYTHONDONTWRITEBYTECODE= exec $(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

chaos: $(VENV)/dev.stamp ## Kill and break everything hundreds of times, lose nothing (ARGS="--seed 7 --kills 20 --away 0 --pause 0")
	@exec $(BIN)/python -m tests.chaos $(ARGS)

contract: $(VENV)/dev.stamp ## Try what docs/openapi.json promises on running services (ARGS="--max-examples 500")
	@exec $(BIN)/python -m tests.contract $(ARGS)

bench-intake: $(VENV)/dev.stamp ## Take bodies in beside other servers, one table (ARGS="--rounds 5")
	@exec $(BIN)/python -m benchmarks.intake $(ARGS)

bench-growth: $(VENV)/dev.stamp ## Show what a chunk costs in long sessions and among many, and what large uploads hold
	@exec $(BIN)/python -m benchmarks.growth

fuzz-media: $(VENV)/dev.stamp ## Feed the decoder corrupt recordings, thousands of them (ARGS="--seed 1 --files 5000")
	@exec $(BIN)/python -m tests.hostile_media $(ARGS)

eval: $(VENV)/dev.stamp ## Measure the score on our own texts and speech, write docs/evaluation (ARGS="--only ladders")
	@exec $(BIN)/python -m tests.evaluation --report $(ARGS)

check: $(VENV)/dev.stamp ## Check style, formatting, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench-assembly: $(VENV)/dev.stamp ## Time finalize to audio.ready beside bare ffmpeg and bare store (ARGS="--only MP3 --rounds 5")
	@exec $(BIN)/python -m benchmarks.assembly $(ARGS)

bench-analysis: $(VENV)/dev.stamp ## Time the local analysis beside the bare recogniser in a loop (ARGS="--minutes 10")
	@exec $(BIN)/python -m benchmarks.analysis $(ARGS)

train: $(VENV)/dev.stamp ## Fit the words' model to the graded lines and dialogues (minutes; writes head.npz)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 exec $(BIN)/python -m services.analyzer.score.training

hear-dialogues: $(VENV)/dev.stamp ## Speak new training dialogues, write down what is heard (wants flite)
	@exec $(BIN)/python -m tests.evaluation.heard_dialogues

rebuild-catalog: $(VENV)/run.stamp ## Bring the catalog back from the bucket, while `make run` runs (DATA_DIR=…)
	@exec $(BIN)/python -m deploy.local.rebuild

dead-letters: $(VENV)/run.stamp ## Show what was given up, while `make run` runs (ARGS="retry --all", DATA_DIR=…)
	@exec $(BIN)/python -m deploy.local.dead_letters $(or $(ARGS),list)

docs: $(VENV)/run.stamp ## Write docs/openapi.json anew
	@exec $(BIN)/python -m deploy.docs

lock: ## Lock the dependencies anew with their hashes (needs uv; ARGS=--upgrade for newer ones)
	$(COMPILE) $(ARGS) -o requirements.lock
	$(COMPILE) $(ARGS) --extra words -c requirements.lock -o requirements-words.lock
	$(COMPILE) $(ARGS) --extra dev -c requirements-words.lock -o requirements-dev.lock

clean: ## Remove .venv and caches; recordings in ./data stay
	rm -rf $(VENV) .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './data/*' -not -path './.bench/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Roomtone needs Python 3.11 or newer")'
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# WORDS=no leaves the sentence-embedding model out: a lexicon rates the words then.
LOCK := $(if $(filter no,$(WORDS)),requirements.lock,requirements-words.lock)

$(VENV)/run.stamp: $(LOCK) | $(BIN)/python
	@echo "Installing what Roomtone needs into $(VENV) (some minutes the first time)"
	@$(INSTALL) -r $(LOCK)
	@touch $@

# The development lock holds all of the other ones.
$(VENV)/dev.stamp: requirements-dev.lock requirements-words.lock requirements.lock | $(BIN)/python
	@echo "Installing what Roomtone and its tests need into $(VENV) (some minutes the first time)"
	@$(INSTALL) -r requirements-dev.lock
	@touch $(VENV)/run.stamp $@
