# `make lab` opens the course. It sets up .venv first.
# [authors
# `make test` proves it.
# authors]
#   make lab LAB_ARGS=--no-browser     arguments for JupyterLab
#   make lab EXTRA=cuda                onnxruntime-gpu, TensorRT and PyCUDA; EXTRA=jetson keeps the board's own torch and TensorRT
#   make lab PYTHON=python3.12         another interpreter, 3.10 to 3.13
PYTHON ?= python3
EXTRA ?= cpu
LAB_ARGS ?=
TEST_ARGS ?=
LANE_ARGS ?=
BIN := .venv/bin
UV := $(BIN)/uv pip
# A board's packages are seen through the environment, not replaced.
SITE := $(if $(filter jetson,$(EXTRA)),--system-site-packages)

.PHONY: lab clean
lab: .venv/installed-$(EXTRA)
	$(BIN)/edgekit lab $(LAB_ARGS)

# [authors
.PHONY: test lanes dev lint locks
# Notebooks run in kernels that are forked from a process with the imports done: seconds less for each, and no race for ports.
test: .venv/installed-dev
	$(BIN)/python -m edgekit.course.provisioner >/dev/null
	$(BIN)/python -m pytest tests solutions --nbval-lax --nbval-kernel-name edgekit-warm --nbval-cell-timeout=300 -n 2 --dist loadscope $(TEST_ARGS)

# The answers, the INT8 recipes and the doctor on processors that are not here, under QEMU: tests/lanes. LANE_ARGS="haswell pi5 --seeds 5"
lanes: .venv/installed-dev
	$(BIN)/python -m tests.lanes $(LANE_ARGS)

# For instructors and authors: nbgrader, the tests and their tools.
dev: .venv/installed-dev

lint: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/edgekit release --check

# The pins of all editions, resolved together: hashes, no addresses.
locks: .venv/bin/uv
	$(UV) compile -q --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra cpu --extra dev pyproject.toml -o requirements/dev.txt
	for extra in cpu cuda jetson; do $(UV) compile -q --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate --no-header -c requirements/dev.txt --extra $$extra pyproject.toml -o requirements/$$extra.txt || exit 1; done
# authors]

clean:
	rm -rf .venv build edgekit.egg-info labs/work

.venv/bin/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v[:2] <= (3, 13) else "edgekit needs Python 3.10 to 3.13, %s is %d.%d: make lab PYTHON=python3.12" % (sys.executable, *v[:2]))'
	@$(PYTHON) -m venv $(SITE) .venv || { echo "making .venv failed: on Debian and Ubuntu, apt install python3-venv; then run make again" >&2; rm -rf .venv; exit 1; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	touch $@

# Everything in cpu stands in dev too with the same versions, so one environment serves both commands.
.venv/installed-%: requirements/%.txt pyproject.toml .venv/bin/uv
	$(UV) install -q --python $(BIN)/python --require-hashes -r $<
	$(UV) install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@ $(if $(filter dev,$*),.venv/installed-cpu)
