# make run · make test · make docs · make stress · make check · make package · make audit · make bench · make bench-scale · make soak · make pictures · make lock: each makes the virtual environment that it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Most of a test is waiting: four at a time, a file's one after the other.
JOBS ?= 4

.PHONY: run test docs stress check package sbom audit bench bench-scale soak pictures browser tools lock advisories clean

run: $(VENV)/run.stamp
	$(BIN)/python -m dashapp $(ARGS)

# Without this variable each of the workers, and each process of a test, compiles its modules again.
test stress: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/test.stamp browser tools
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

# The generated parts of docs/, and the site: open site/index.html.
docs: export NO_MKDOCS_2_WARNING := 1

docs: $(VENV)/docs.stamp
	$(BIN)/python -m docsite
	$(BIN)/mkdocs build --quiet

# Ten times on a busy machine, each in another order: make stress ARGS="--runs 2 --jobs 8 --seed 7".
stress: $(VENV)/test.stamp browser tools
	$(BIN)/python tests/support/stress.py $(ARGS)

check: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The sdist, and the wheel that is built from it, in dist/.
package: $(VENV)/test.stamp
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[release]'
	$(BIN)/python -m twine check --strict dist/*

# What a server installs, as a CycloneDX document.
sbom: $(VENV)/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[release]'
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements --output-reproducible --output-file dist/sbom.cdx.json requirements.lock

bench: $(VENV)/test.stamp browser bench/originals/node_modules/install.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m bench $(ARGS)

# A thousand hosts in one Redis, and viewers without end: bounded, and on 127.0.0.1 alone.
bench-scale: $(VENV)/test.stamp browser tools
	$(BIN)/python -m bench.scale $(ARGS)

# Lighthouse and axe-core on the real page.
audit: $(VENV)/test.stamp browser audit/node_modules/install.stamp
	$(BIN)/python -m audit

# An hour of faults: make soak ARGS="--seconds 120 --seed 7" is two minutes of others.
soak: $(VENV)/test.stamp
	$(BIN)/python -m bench.faults $(ARGS)

# Minutes of a scripted load, as root; docs/ gets the pictures that it shows and the film, pictures/ the others.
pictures: $(VENV)/test.stamp browser
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[pictures]'
	$(BIN)/python -m audit.pictures

# What the lock pins, and nothing that runs at installing.
%/node_modules/install.stamp: %/package.json %/package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1 || \
	  { echo "make $(firstword $(MAKECMDGOALS)) needs node 20 or newer, and npm: install your system's packages nodejs and npm, then run this again." >&2; exit 1; }
	cd $* && npm ci --loglevel=error
	touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dashapp needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1): run make PYTHON=python3.13, for example." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# The extras stand in pyproject.toml; an editable install keeps the checkout the one that is tested.
$(VENV)/test.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

$(VENV)/docs.stamp: requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

browser: $(VENV)/test.stamp
	$(BIN)/python tests/support/chromium.py --install

tools: $(VENV)/test.stamp
	$(BIN)/python tests/support/tools.py --install

# Every release that a server installs, with its hashes; of the index that pip is set to, which the file does not name.
LOCK = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate
lock: $(VENV)/test.stamp
	$(LOCK) -o requirements.lock requirements.txt
	$(LOCK) -o deploy/container.lock deploy/container.in
	$(LOCK) -o deploy/build.lock deploy/build.in

# Exit status 1 for a vulnerability, and 2 if the advisory data cannot be reached.
advisories: $(VENV)/test.stamp
	$(BIN)/python -m audit.advisories

clean:
	rm -rf $(VENV) site audit/node_modules bench/originals/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
