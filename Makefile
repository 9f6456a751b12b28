# Every target sets up what it needs. `make book` and `make test` are all a newcomer has to know.
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.complete
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: book serve test exercises grade bench hostile lint format torch lock golden clean
.DEFAULT_GOAL := book

$(READY): requirements.lock tools/setup_env.sh
	@sh tools/setup_env.sh $(VENV)

## book: execute every cell and build the site; warnings are errors
book: $(READY)
	@$(PY) tools/fetch_assets.py
	@$(VENV)/bin/jupyter-book build -W -n --keep-going .
	@echo "The book is ready: open _build/html/index.html, or run  make serve"

## serve: show the built book on localhost and open the browser
serve: book
	@$(PY) tools/serve.py _build/html

## test: lint, types, the book, then every test; pytest's last line has the counts
test: lint book
	@OPENBLAS_NUM_THREADS=1 $(PY) -m pytest --numprocesses auto --dist loadgroup

## lint: style, types and spelling
lint: $(READY)
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --check --quiet . || (echo "error: run  make format" >&2; exit 1)
	@$(VENV)/bin/mypy --no-error-summary
	@$(VENV)/bin/codespell

## format: put the style right
format: $(READY)
	@$(VENV)/bin/ruff check --quiet --fix .
	@$(VENV)/bin/ruff format --quiet .

## exercises: regenerate exercises/ from solutions/
exercises: $(READY)
	@$(VENV)/bin/lstm-grader release

## grade: a class of five, from release to feedback and marks
grade: $(READY)
	@$(VENV)/bin/lstm-grader demo

## bench: the layers' speed against PyTorch and numpy-ml, then the grader's against plain nbgrader
bench: torch
	@$(PY) -m benchmarks.speed
	@$(PY) -m benchmarks.grading

## hostile: what plain nbgrader does with each attack of the corpus, in walls; goes on where it was
hostile: $(READY)
	@$(PY) tools/compare_with_nbgrader.py

## torch: add PyTorch, to check parity against it and to measure against it
torch: $(READY)
	@$(PY) -c 'import torch' 2>/dev/null || $(PY) -m pip install --quiet torch==2.13.0

## golden: regenerate the golden vectors and the parity table from PyTorch
golden: torch
	@$(PY) tools/make_golden_vectors.py

## lock: resolve the dependencies anew
lock: $(READY)
	@$(PY) -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o requirements.lock

clean:
	@rm -rf _build .cache class
