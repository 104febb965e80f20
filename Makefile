# Two commands for newcomers: `make demo` and `make test`. Both need Python 3.11 or newer (with venv) and nothing else.
PYTHON ?= python3
PORT ?= 8000
ARCHIVE ?= demo-archive
BIN = .venv/bin

.PHONY: demo test acceptance live bench bench-quick bench-data bench-peers reference check format lock clean

demo: .venv/runtime  ## generate the demo archive if it is missing, and serve it
	@MALLOC_ARENA_MAX=2 $(BIN)/python -m scog demo --archive "$(ARCHIVE)" --port "$(PORT)"

test: .venv/develop  ## run the tests in two processes
	@$(BIN)/python -m pytest -n 2 --dist loadfile

acceptance: .venv/develop  ## run the tests that take longer
	@$(BIN)/python -m pytest -m acceptance

live: .venv/develop  ## check over the internet that Earth Search is as the code assumes (2 minutes, 50 MB)
	@$(BIN)/python -m tests.live.earth_search

bench: .venv/develop  ## measure scog beside its peers (about 55 minutes; see benchmarks/README.md)
	@$(BIN)/python -m benchmarks.run

bench-quick: .venv/develop  ## the same in about 12 minutes, with fewer rounds and cases
	@$(BIN)/python -m benchmarks.run --quick

bench-data: .venv/develop  ## generate the scenes for the benchmarks (once, 3 GB)
	@$(BIN)/python -m benchmarks.data

bench-peers: .venv/develop  ## install the peers, each into a separate environment (once)
	@$(BIN)/python -m benchmarks.peers

reference: .venv/develop  ## generate docs/reference/ from the code
	@$(BIN)/python -m docs.generator

check: .venv/develop  ## lint, check types, and check that deploy/*.txt agree with poetry.lock
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python deploy/check_lock.py

format: .venv/develop
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock:  ## update the lock files after a change of dependencies; needs poetry with its export plugin
	poetry lock
	poetry export --only main -o deploy/requirements.txt
	poetry export --with dev -o deploy/requirements-dev.txt

clean:
	rm -rf .venv

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit("scog needs Python 3.11 or newer; set PYTHON=..." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv

.venv/runtime: .venv/pyvenv.cfg deploy/requirements.txt
	@echo "Installing scog's dependencies into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/requirements.txt
	@touch $@

.venv/develop: .venv/pyvenv.cfg deploy/requirements-dev.txt
	@echo "Installing scog's dependencies and test tools into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/requirements-dev.txt
	@touch $@ .venv/runtime
