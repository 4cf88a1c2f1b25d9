# `make help` lists what there is.
PYTHON ?= $(firstword $(shell command -v python3.11) $(shell command -v python3) python3)
VENV := .venv
WEIR := $(VENV)/bin/weir
READY := $(VENV)/.ready
JARS := build/jars/.ready
ENVIRONMENT := build/environment.tar.gz
SBOM := build/sbom
TOOLS := build/supply-chain

# Real census data for tests that want it, where it lies beside this folder; without it they skip.
export WEIR_CENSUS_CSV ?= $(abspath $(wildcard ../shared/data/adult.csv))

.DEFAULT_GOAL := help
.PHONY: help setup demo up down train bundle environment sbom audit docs proto check test test-fast fuzz bench clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

setup: $(READY) $(JARS)  ## virtual environment with the weir command, and the jars of the local stack

demo: setup  ## everything on this machine, judged against the truth (DATA=adult.csv, UP=--free-ports)
	@$(WEIR) demo $(if $(DATA),--data $(DATA)) $(UP)

up: setup  ## start Kafka and Flink on this machine and leave them running (UP=--free-ports)
	@$(WEIR) up $(UP)

down:  ## stop them
	@if [ -x $(WEIR) ]; then $(WEIR) down; else echo "nothing is set up, so nothing is up"; fi

train: setup  ## train the example models into models/ (DATA=adult.csv)
	@$(WEIR) train $(if $(DATA),--data $(DATA) --drop fnlwgt$(comma)education-num)

bundle: setup  ## build/bundle.zip for flink run -pyfs
	@$(VENV)/bin/python -m jobs.flink.bundle

environment: setup $(ENVIRONMENT)  ## build/environment.tar.gz for flink run -pyarch: only what runs

sbom: setup $(ENVIRONMENT) $(TOOLS)/.ready $(SBOM)/jars.json  ## build/sbom: what the image and the local stack contain, as CycloneDX
	@$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --of JSON -o $(SBOM)/python.json build/environment/bin/python
	@ls $(SBOM)/python.json $(SBOM)/jars.json

audit: setup $(ENVIRONMENT) $(TOOLS)/.ready  ## known vulnerabilities of the image's Python packages (AUDIT="-s osv")
	@mkdir -p $(SBOM)
	@build/environment/bin/python -m pip freeze --exclude weir > $(SBOM)/requirements.txt
	@$(TOOLS)/bin/pip-audit $(AUDIT) --strict --disable-pip --no-deps -r $(SBOM)/requirements.txt || { \
		echo "error: the audit did not pass. Above is either a list of vulnerabilities, or the reason why the"; \
		echo "service does not know the packages. PyPI is asked by default, api.osv.dev with AUDIT=\"-s osv\""; exit 1; }

docs: setup $(SBOM)/jars.json  ## tables and pictures in docs/ that are generated from the code
	@$(VENV)/bin/python -m docs.folder_picture
	@$(VENV)/bin/python -m docs.manifest_fields
	@$(VENV)/bin/python -m tests.models_page
	@$(VENV)/bin/python -m docs.licences

proto:  ## operators/protocol/inference_pb2.py (needs pip install grpcio-tools==1.62.3)
	@$(VENV)/bin/python -m grpc_tools.protoc -I. --python_out=. operators/protocol/inference.proto

check: setup  ## style and types
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

test: check  ## everything that proves it, on a real broker and a real cluster
	@$(VENV)/bin/python -m pytest -n 2 --no-loadscope-reorder

test-fast: check  ## the tests without a broker, a cluster and other environments
	@$(VENV)/bin/python -m pytest -n 2 -m "not cluster and not environment"

fuzz: setup  ## generated bad inputs for every reader, for FUZZ_SECONDS (default: an hour)
	@$(VENV)/bin/python -m tests.fuzz

bench: setup  ## throughput, latency, growth, false alarms, power, AUC and times, beside others (3 hours)
	@$(VENV)/bin/python -m benchmarks
	@$(VENV)/bin/python -m benchmarks.long_run
	@$(VENV)/bin/python -m benchmarks.growth
	@$(VENV)/bin/python -m benchmarks.scale
	@$(VENV)/bin/python -m benchmarks.changes
	@$(VENV)/bin/python -m benchmarks.metrics
	@$(VENV)/bin/python -m benchmarks.drift
	@$(VENV)/bin/python -m benchmarks.outliers

clean: down  ## remove what setup and runs made
	rm -rf $(VENV) build .weir models .mypy_cache .pytest_cache .ruff_cache *.egg-info

comma := ,

# Show the last line of a long output, and all of it where something failed.
SHELL := bash
.SHELLFLAGS := -o pipefail -c
SHORT = 2>&1 | tee build.log | awk '{ printf "\r  %-100.100s", $$0; fflush() } END { printf "\r%102s\r", "" }' || { cat build.log; rm -f build.log; exit 1; }; rm -f build.log

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: there is no $(PYTHON): install Python 3.11, or name it: make PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "error: $(PYTHON) is not Python 3.11: name it, make PYTHON=…"; exit 1; }
	@echo "setting up $(VENV): about two minutes …"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --disable-pip-version-check --progress-bar off -c constraints.txt -e '.[train,s3,gs,gateway,dashboard,dev]' $(SHORT)
	@touch $@

$(JARS): pom.xml
	@command -v java >/dev/null || { echo "error: there is no java: install Java 17 (Debian: apt install openjdk-17-jdk-headless)"; exit 1; }
	@command -v mvn >/dev/null || { echo "error: there is no mvn: install Maven 3.8 (Debian: apt install maven)"; exit 1; }
	@echo "fetching the jars of broker and connector …"
	@mvn --batch-mode process-resources $(SHORT)
	@touch $@

$(SBOM)/jars.json: pom.xml
	@mvn --batch-mode org.cyclonedx:cyclonedx-maven-plugin:2.9.1:makeBom -DoutputFormat=json -DoutputName=jars -DoutputDirectory=$(CURDIR)/$(SBOM) $(SHORT)

$(TOOLS)/.ready: constraints.txt
	@$(PYTHON) -m venv --clear $(TOOLS)
	@$(TOOLS)/bin/pip install --disable-pip-version-check --progress-bar off -c constraints.txt cyclonedx-bom pip-audit $(SHORT)
	@touch $@

# The jars of PyFlink's distribution stay out: a cluster has its own.
$(ENVIRONMENT): pyproject.toml constraints.txt docker/install.sh
	@echo "packing what the workers need: about two minutes …"
	@$(PYTHON) -m venv --clear build/environment
	@PATH="$(CURDIR)/build/environment/bin:$$PATH" docker/install.sh $(CURDIR)/build/flink-home
	@tar -czf $@ -C build/environment --exclude=pyflink/lib --exclude=pyflink/opt --exclude=pyflink/plugins .
