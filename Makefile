# `make lab` opens the course. It sets up .venv first.
# [authors
# `make test` proves it.
# authors]
#   make lab LAB_ARGS=--no-browser     arguments for JupyterLab
#   make lab EXTRA=cuda                onnxruntime-gpu, and TensorRT and PyCUDA if they can be had; EXTRA=jetson keeps the board's own torch and TensorRT
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

.PHONY: lab runtimes clean
lab: .venv/installed-$(EXTRA)
	$(BIN)/edgekit lab $(LAB_ARGS)

# More engines beside the edition cpu, for lab 03f and `edgekit runtimes`. litert-torch comes without asking for what it needs: one of its packages
# wants an older typing-extensions than the course's; the file has all of them, and they work together.
runtimes: .venv/installed-cpu
	$(UV) install -q --python $(BIN)/python --require-hashes -r requirements/runtimes.txt
	$(UV) install -q --python $(BIN)/python --no-deps --require-hashes -r requirements/litert.txt

# [authors
.PHONY: test lanes editions dev lint locks
# Notebooks run in kernels that are forked from a process with the imports done: seconds less for each, and no race for ports.
# Bytecode is written, or each of hundreds of processes would compile all that it imports; and beforehand, for the sandboxes, which cannot write.
unexport PYTHONDONTWRITEBYTECODE
test: .venv/installed-dev
	$(BIN)/python -m compileall -q edgekit
	$(BIN)/python -m edgekit.instructor.sandbox.provisioner >/dev/null
	$(BIN)/python -m pytest tests solutions --nbval-lax --nbval-kernel-name edgekit-warm --nbval-cell-timeout=300 -n 2 --dist loadscope --no-loadscope-reorder $(TEST_ARGS)

# The answers, the INT8 recipes and the doctor on processors that are not here, under QEMU: tests/lanes. LANE_ARGS="haswell pi5 --seeds 5"
# All of it took 32 minutes on two cores of an AMD EPYC (2026-11-27).
# What `edgekit claims` says there, but for time and memory: python -m tests.lanes.claims haswell pi5 --record
# The leaderboard of `edgekit runtimes` there, without speed: python -m tests.lanes.leaderboard edgecnn --lane pi5
lanes: .venv/installed-dev
	$(BIN)/python -m tests.lanes $(LANE_ARGS)

# For instructors and authors: nbgrader, the tests and their tools.
dev: .venv/installed-dev

lint: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/edgekit release --check

# The students' bundle in its own environment, every notebook as it is and with the answers: half an hour or more.
editions: .venv/installed-dev
	$(BIN)/python -m tests.editions

# The pins of all editions, resolved together: hashes, no addresses.
COMPILE := $(UV) compile -q --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate --no-header
locks: .venv/bin/uv
	$(COMPILE) --extra cpu --extra dev pyproject.toml -o requirements/dev.txt
	for extra in cpu cuda; do $(COMPILE) -c requirements/dev.txt --extra $$extra pyproject.toml -o requirements/$$extra.txt || exit 1; done
	for package in tensorrt pycuda; do echo $$package | $(COMPILE) -c requirements/dev.txt - -o requirements/$$package.txt || exit 1; done
	mkdir -p build && awk '/^[^ ]/ { skip = /^(numpy|ml-dtypes|onnx)==/ } !skip' requirements/dev.txt >build/jetson.txt  # NumPy 1 on JetPack 6
	$(COMPILE) -c build/jetson.txt --extra jetson pyproject.toml -o requirements/jetson.txt
	awk '/^[^ ]/ { skip = /^(networkx|numpy)==/ } !skip' requirements/dev.txt >build/runtimes.txt  # nncf holds both back
	$(COMPILE) -c build/runtimes.txt --extra cpu --extra runtimes pyproject.toml -o requirements/runtimes.txt
	echo "litert-torch; python_version >= '3.11'" | $(COMPILE) --override requirements/litert.override -c requirements/runtimes.txt - -o requirements/litert.txt
# authors]

clean:
	rm -rf .venv build edgekit.egg-info labs/work

.venv/bin/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 10) <= v[:2] <= (3, 13) else "edgekit needs Python 3.10 to 3.13, %s is %d.%d: make lab PYTHON=python3.12" % (sys.executable, *v[:2]))'
	@$(PYTHON) -m venv $(SITE) .venv || { echo "making .venv failed: on Debian and Ubuntu, apt install python3-venv; then run make again" >&2; rm -rf .venv; exit 1; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	touch $@

# The size was measured for cpu; cuda has the same PyTorch.
SIZE := 5.6 GB on the disk, most of it PyTorch with CUDA (a smaller, CPU-only torchvision is not on the registry)
ifeq ($(EXTRA),jetson)
SIZE := all but PyTorch, ONNX Runtime and TensorRT, which are made for the board (edgekit doctor says how to add them)
endif
SECOND := $(if $(filter cuda,$(EXTRA)),tensorrt pycuda,$(if $(filter jetson,$(EXTRA)),pycuda))
WITHOUT_tensorrt := engines are built with TensorRT-RTX, which is installed on x86-64. Its wheel fetches from NVIDIA's own index: on a closed network install TensorRT from NVIDIA's packages
WITHOUT_pycuda := engines are run with cuda-python or PyTorch instead. PyCUDA is built from source: install g++ and the CUDA toolkit, put nvcc on the PATH (on a Jetson /usr/local/cuda/bin)

# [authors
# Tests and graders start hundreds of processes, sandboxes cannot write bytecode: compile all of it once, in about a minute.
COMPILED = $(if $(filter dev,$*),--compile-bytecode)
# authors]

# Everything in cpu stands in dev too with the same versions, so one environment serves both commands.
# The second step may fail without taking the course with it.
.venv/installed-%: requirements/%.txt pyproject.toml .venv/bin/uv
	@echo "Installing the edition $* into .venv, once: $(SIZE). Some minutes."
	$(UV) install --no-progress $(COMPILED) --python $(BIN)/python --require-hashes -r $< >.venv/install.log 2>&1 || { tail -20 .venv/install.log >&2; exit 1; }
	$(UV) install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -c "from edgekit import waiting; waiting.install()"
	@$(foreach package,$(SECOND),$(UV) install -q --python $(BIN)/python --require-hashes -r requirements/$(package).txt >.venv/$(package).log 2>&1 \
		|| echo "$(package) could not be installed; the course goes on: $(WITHOUT_$(package)), then: $(UV) install -r requirements/$(package).txt (the reason stands in .venv/$(package).log)" >&2;)
	@echo "Installed. Next time this takes no time; .venv/bin/edgekit doctor says what works."
	touch $@ $(if $(filter dev,$*),.venv/installed-cpu)
