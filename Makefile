# The front door. `make help` lists the words; CI runs the same ones.
# Everything works from any folder: `make -C path/to/headrace demo`.
.DEFAULT_GOAL := help
ROOT := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
PYTHON ?= python3.11
VENV := $(ROOT).venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SERVICE_PINS := $(patsubst $(ROOT)requirements/%.in,%,$(wildcard $(ROOT)requirements/services/*.in))
SOURCE := https://github.com/headrace/headrace
LOCKED := $(ROOT)requirements/bootstrap.txt $(ROOT)requirements/dev.txt
MEMBERS := $(wildcard $(ROOT)libs/*/pyproject.toml $(ROOT)services/*/pyproject.toml $(ROOT)examples/*/pyproject.toml)

##@ Start here
.PHONY: help
help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## make the virtual environment (the other words do it by themselves)

.PHONY: demo
demo: $(READY) ## a year of flights on a real Kafka and a real S3, with a result page (QUICK=1: two months)
	@cd $(ROOT) && $(BIN)/python -m headrace_flights.demo

.PHONY: images
images: $(READY) ## every image, built by a private Docker on a stand-in base; minutes the first time
	cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.images

##@ Check
.PHONY: test
test: lint type unit simulation manifests system ## all that needs no root; CI runs it and control-plane

.PHONY: unit
unit: $(READY) ## unit and law tests, seconds
	cd $(ROOT) && $(BIN)/python -m pytest tests/unit tests/laws

.PHONY: simulation
simulation: $(READY) ## the protocol in memory under 2,000 seeds of disasters, a minute (SEEDS=n for more)
	cd $(ROOT) && HEADRACE_SIM_SEEDS=$(or $(SEEDS),2000) $(BIN)/python -m pytest tests/sim

.PHONY: manifests
manifests: $(READY) ## every combination of Kubernetes manifests built, against schemas and rules; minutes the first time
	cd $(ROOT) && $(BIN)/python -m pytest tests/manifests

.PHONY: system
system: $(READY) ## tests on a real Kafka and a real S3 server, minutes
	cd $(ROOT) && $(BIN)/python -m pytest tests/contract tests/system tests/faults

.PHONY: faults
faults: $(READY) ## kills and every other fault, judged (KILLS=n SEED=s MINUTES=m PACE=seconds); report in .headrace/faults
	cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.faults

.PHONY: planted
planted: $(READY) ## bugs planted in a copy of the code, each of which the judges must catch, minutes
	cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.planted

.PHONY: reliability
reliability: $(READY) ## docs/reliability.md from the last runs of faults, planted and soak
	cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.faults.page

.PHONY: scaling
scaling: $(READY) ## docs/scaling.md: the autoscaler against KEDA and a lag threshold, in a model, seconds
	cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.scaling

.PHONY: soak
soak: $(READY) ## hours with a fault a minute, the last 40 minutes gentle (HOURS=h SEED=s RATE=r)
	cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.soak

.PHONY: cluster-up
cluster-up: $(READY) ## a real Kubernetes on this machine, left for you (root, Linux; 10 minutes once to build it, then seconds)
	@cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.cluster up $(ARCHIVES)

.PHONY: cluster-down
cluster-down: $(READY) ## end it; nothing stays
	@cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.cluster down

.PHONY: control-plane
control-plane: $(READY) ## tests on a real Kubernetes API server, no node; root, Linux; 10 minutes once to build it, then some
	cd $(ROOT) && $(BIN)/python -m pytest tests/cluster -m "not node"

.PHONY: cluster
cluster: $(READY) ## all that is built, deployed and tried on a real Kubernetes; root, an hour (KUBECONFIG=file: on that one)
	@cd $(ROOT) && PYTHONPATH=tests $(BIN)/python -m rig.cluster.whole

.PHONY: test-images
test-images: $(READY) ## the images: budgets, contents, and the suite in containers; Skaffold; root, minutes
	cd $(ROOT) && $(BIN)/python -m pytest tests/images tests/skaffold

.PHONY: lint
lint: $(READY) ## style, formatting and import layers
	cd $(ROOT) && $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports --no-cache

.PHONY: type
type: $(READY) ## mypy, strict
	cd $(ROOT) && $(BIN)/mypy libs services examples tests bench docs/upstream docker kustomize

.PHONY: workflows
workflows: $(READY) ## actionlint and zizmor on the CI workflows, and on those that `headrace new` writes
	cd $(ROOT) && $(BIN)/python -m pytest tests/workflows

.PHONY: bench
bench: $(READY) ## rows/s, CPU-seconds and memory: flights, W1, each service alone; minutes
	cd $(ROOT) && $(BIN)/python bench/run.py

##@ Release
.PHONY: promote
promote: $(READY) ## write what an overlay runs: OVERLAY=dev DIGESTS=folder, or OVERLAY=staging|prod (what ran before it)
	cd $(ROOT) && $(BIN)/python kustomize/promote.py $(OVERLAY) $(DIGESTS)

.PHONY: digests
digests: $(READY) ## print the images that an overlay runs (OVERLAY=prod)
	@cd $(ROOT) && $(BIN)/python kustomize/promote.py --list $(OVERLAY)

.PHONY: signatures
signatures: $(READY) ## whether all of them were built and signed by CI (OVERLAY=prod; needs cosign and the registry)
	@cd $(ROOT) && images=$$($(BIN)/python kustomize/promote.py --list $(OVERLAY)) && for image in $$images; do \
	  cosign verify --output text --certificate-oidc-issuer https://token.actions.githubusercontent.com \
	    --certificate-identity $(SOURCE)/.github/workflows/images.yml@refs/heads/main "$$image" || exit 1; done

##@ Housekeeping
.PHONY: format
format: $(READY) ## rewrite the files in the one style
	cd $(ROOT) && $(BIN)/ruff check --fix . && $(BIN)/ruff format .

.PHONY: lock
lock: $(READY) ## pin every requirement anew, with hashes and without download addresses
	cd $(ROOT)requirements && for name in bootstrap dev runtime kubernetes-schemas $(SERVICE_PINS); do \
	  case $$name in dev) inputs="runtime.in dev.in" ;; runtime|services/*) inputs="-c dev.txt $$name.in" ;; kubernetes-schemas) inputs="--no-deps kubernetes-schemas.in" ;; *) inputs=$$name.in ;; esac; \
	  $(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --generate-hashes $$inputs -o $$name.txt || exit 1; done

.PHONY: clean
clean: ## remove the virtual environment, caches and the state folder
	rm -rf $(VENV) $(ROOT).headrace $(ROOT).mypy_cache $(ROOT).ruff_cache $(ROOT).pytest_cache $(ROOT).hypothesis

# The environment is remade when a pin or a member's metadata changes; the stamp is written last, so a broken set-up is tried again.
$(READY): $(LOCKED) $(MEMBERS)
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not on PATH; install Python 3.11 or say PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "== set-up: virtual environment in $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r $(ROOT)requirements/bootstrap.txt
	@echo "== set-up: pinned packages (about 1.5 GB once unpacked; a minute the first time)"
	@# Compiled here: where PYTHONDONTWRITEBYTECODE is set, every process would compile what it imports, for seconds.
	$(BIN)/uv pip sync --compile-bytecode --python $(BIN)/python --require-hashes $(LOCKED)
	@echo "== set-up: Headrace's own packages"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(foreach member,$(MEMBERS),-e $(dir $(member)))
	@touch $(READY)
