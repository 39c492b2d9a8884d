# `make help` lists the targets. Needs Python 3.13, make and git; everything else is installed into .tools/ and .venv/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Settings of an active environment, another project or an AWS profile must not change anything here.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE PYTHONWARNINGS
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_NO_DEPS PIP_NO_BINARY
unexport UV_PYTHON UV_SYSTEM_PYTHON UV_NO_DEV UV_NO_SYNC UV_FROZEN UV_LOCKED UV_PROJECT UV_WORKING_DIRECTORY UV_CONFIG_FILE
unexport AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ENDPOINT_URL PYTEST_ADDOPTS MYPYPATH
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
export UV_PYTHON_DOWNLOADS := never
export SAM_CLI_TELEMETRY := 0
export __SAM_CLI_APP_DIR := $(CURDIR)/.tools/sam-home

# The first that runs and is 3.13: a name on the PATH may be a shim for a version that is not installed.
PYTHON ?= $(shell for candidate in python3.13 python3 python; do \
	"$$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && { command -v "$$candidate"; break; }; done)
UV := .tools/uv/bin/uv
RUN := .venv/bin
SAM := PATH="$$PWD/.tools/sam/bin:$$PATH" .tools/sam/bin/sam
# The folders to lint: the project's own, without tools and builds.
LINTED = $(wildcard benchmarks demo devstack examples functions layers pointsman_cli tests tools training)
# Processor architecture of `make build`, like template.yaml's parameter Architecture.
ARCH ?= arm64

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.stamp .tools/sam/.stamp .tools/ministack/.stamp .tools/axe/.stamp ## Create .venv (with the pointsman command) and install the tools
	@:

.PHONY: demo
demo: setup ## Start the local stack, send tasks, print answers and the ledger; KEEP=1 leaves it up, to look at
	@$(RUN)/python -m demo $(if $(KEEP),--keep)

.PHONY: test
test: setup ## Run all tests, including those on the local stack; uses no keys and calls no provider
	@$(MAKE) --no-print-directory openclaw || echo "The tests that need OpenClaw will be skipped." >&2
	@$(MAKE) --no-print-directory focus || echo "The tests that need FOCUS's validator or DuckDB will be skipped." >&2
	@env -u GEMINI_API_KEY -u GOOGLE_API_KEY -u ANTHROPIC_API_KEY $(RUN)/pytest -n 3 --dist loadscope --no-loadscope-reorder

.PHONY: openclaw
openclaw: .tools/openclaw/.stamp ## Install OpenClaw's own validator, for the tests of `pointsman openclaw`
	@:

.PHONY: focus
focus: .tools/focus/.stamp ## Install FOCUS's validator and DuckDB, 600 MB, for the tests of `pointsman report --focus` and of the archive
	@:

.PHONY: clients
clients: setup .tools/clients/.stamp .tools/npm-clients/.stamp ## Test the front door with real clients on the local stack, and write docs/ways/clients.md; installs 530 MB of them
	@env -u GEMINI_API_KEY -u GOOGLE_API_KEY -u ANTHROPIC_API_KEY $(RUN)/pytest -n0 tests/stack/e2e/test_http_clients.py

.PHONY: soak
soak: setup ## Run the long fault tests (TASKS=1000 tasks) side by side: they wait more than they work; figures go to build/soak.json
	@env -u GEMINI_API_KEY -u GOOGLE_API_KEY -u ANTHROPIC_API_KEY POINTSMAN_SOAK=1 POINTSMAN_SOAK_TASKS=$(or $(TASKS),1000) \
		$(RUN)/pytest -n 4 --dist loadscope --no-loadscope-reorder \
		tests/stack/faults tests/component/test_interleavings.py tests/component/test_economy_faults.py

.PHONY: check
check: setup .tools/checkov/.stamp .tools/pip-audit/.stamp build/operator.txt ## Check format, lint, types, template, roles, workflow and lock files
	@$(RUN)/ruff format --check $(LINTED)
	@$(RUN)/ruff check $(LINTED)
	@$(RUN)/mypy
	@$(RUN)/python tools/local_names.py layers functions pointsman_cli devstack demo benchmarks training tools tests
	@AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	@$(RUN)/cfn-lint --regions us-east-1 -- template.yaml examples/*/*.yaml
	@.tools/checkov/bin/checkov --config-file .checkov.yaml
	@$(RUN)/pytest -q -n0 $(SIMULATED)
	@$(AUDIT) --if-reachable
	@$(UV) lock --check
	@rm -rf build/locks && mkdir -p build/locks && cp -r tools layers build/locks/
	@$(MAKE) --no-print-directory requirements OUT=build/locks
	@for file in $(REQUIREMENTS); do cmp "$$file" "build/locks/$$file" || { echo "$$file is out of date: run 'make lock'" >&2; exit 1; }; done

# What AWS would make of template, roles and workflow, simulated: SAM's transform with changed parameters, CloudFormation's
# permissions by its registry schemas, the workflow over random states.
SIMULATED = $(addprefix tests/template/test_,transform.py deploy_roles.py pipeline.py schedules.py template.py workflow.py workflow_runs.py)

.PHONY: audit
audit: .tools/pip-audit/.stamp build/operator.txt ## Ask PyPI for known vulnerabilities of shipped packages; needs the network
	@$(AUDIT)

AUDIT = .tools/pip-audit/bin/python tools/audit.py $(LAYERS:%=layers/%/requirements.txt) build/operator.txt

build/operator.txt: uv.lock .tools/uv/.stamp
	@mkdir -p build
	@$(UV) export --quiet --frozen --no-default-groups --no-emit-workspace --format requirements.txt --no-header --output-file $@

.PHONY: build
build: setup ## Build the artifacts for `sam deploy`, for ARCH=arm64 (default) or x86_64
	@$(RUN)/python -m devstack $(ARCH)

.PHONY: wheel
wheel: setup ## Build the wheel of the pointsman command into dist/, for environments without this checkout
	@$(RUN)/python tools/wheel.py .tools/uv/bin/uv dist

# A Python whose environment has LiteLLM: the benchmarks' own, if it is installed.
LITELLM ?= $(wildcard .tools/litellm/bin/python)

.PHONY: eval
eval: setup ## Evaluate the routing on the project's own texts, and those in POINTSMAN_HUMAN_TEXT=DIR; with LiteLLM as a baseline after `make peers`
	@$(RUN)/pointsman evaluate $(wildcard tests/data/*.jsonl) $(if $(POINTSMAN_HUMAN_TEXT),$(wildcard $(POINTSMAN_HUMAN_TEXT)/*.jsonl)) \
		--picture build/eval $(if $(LITELLM),--litellm "$(LITELLM)")

# The peers are LiteLLM and Lambda's runtime, each in its own environment.
.PHONY: peers
peers: .tools/lambda/.stamp .tools/litellm/.stamp ## Install the peers that the benchmarks compare with
	@:

.PHONY: bench
bench: setup peers ## Measure time and size beside the peers', for docs/performance.md; NAMES="..." for some, BASE=COMMIT to compare
	@env -u GEMINI_API_KEY -u GOOGLE_API_KEY -u ANTHROPIC_API_KEY $(RUN)/python -m benchmarks $(NAMES) $(if $(BASE),--base $(BASE))

.PHONY: mutants
mutants: setup .tools/mutants/.stamp ## Test the tests with SIZE=120 random mutants of the core (SEED=1): 40 minutes, goes on where it was stopped
	@env -u GEMINI_API_KEY -u GOOGLE_API_KEY -u ANTHROPIC_API_KEY .tools/mutants/bin/python tools/mutants.py --size $(or $(SIZE),120) --seed $(or $(SEED),1)

.PHONY: prices
prices: setup ## Update the price list from genai-prices
	@$(RUN)/python tools/prices.py

.PHONY: schema
schema: setup ## Update the published JSON Schema of openclaw.json
	@$(RUN)/python -m tools.config_schema

.PHONY: train
train: setup ## Retrain the local classifier; installs scikit-learn for this only
	@$(UV) run --quiet --group train python -m training.train

.PHONY: lock
lock: .tools/uv/.stamp ## Update uv.lock and the requirement files
	@$(UV) lock
	@$(MAKE) --no-print-directory requirements OUT=.

.PHONY: clean
clean: ## Remove builds, tools and .venv (stop the local stack first)
	rm -rf .venv .tools .aws-sam build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The layers' requirement files come from uv.lock, the tools' from their .in files; existing pins are kept.
LAYERS := core gemini claude
TOOLS := sam ministack checkov pip-audit lambda litellm mutants clients focus
REQUIREMENTS := $(LAYERS:%=layers/%/requirements.txt) $(TOOLS:%=tools/%.txt)
PACKAGE_core := pointsman
PACKAGE_gemini := pointsman-gemini
PACKAGE_claude := pointsman-claude

.PHONY: requirements
requirements: .tools/uv/.stamp
	@$(foreach layer,$(LAYERS),$(UV) export --quiet --frozen --package $(PACKAGE_$(layer)) --no-emit-workspace --no-dev \
		--format requirements.txt --no-header --output-file $(OUT)/layers/$(layer)/requirements.txt;)
	@$(foreach tool,$(TOOLS),$(UV) pip compile --quiet --generate-hashes --universal --python-version 3.13 \
		--no-header --no-annotate $(if $(wildcard tools/$(tool).override),--override $(OUT)/tools/$(tool).override) \
		$(OUT)/tools/$(tool).in --output-file $(OUT)/tools/$(tool).txt;)

.tools/uv/.stamp: tools/uv.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.13 is needed, and neither python3.13 nor python3 is one (python3 is $$(python3 -V 2>&1))."; \
		echo "Get it by one of these, then run make again:"; \
		echo "  Ubuntu          sudo add-apt-repository ppa:deadsnakes/ppa && sudo apt install python3.13 python3.13-venv"; \
		echo "  Debian 13       sudo apt install python3.13 python3.13-venv"; \
		echo "  Fedora          sudo dnf install python3.13"; \
		echo "  macOS           brew install python@3.13 (the local stack itself needs Linux, WSL or a container)"; \
		echo "  Windows         use WSL: wsl --install, then as on Ubuntu"; \
		echo "  any Linux       curl -LsSf https://astral.sh/uv/install.sh | sh && uv python install 3.13"; \
		echo "If it is elsewhere: make PYTHON=/path/to/python3.13"; exit 1; } >&2
	@echo "Installing uv into .tools/uv"
	@rm -rf .tools/uv
	@$(PYTHON) -m venv .tools/uv || { echo "Python's venv module is missing: on Debian and Ubuntu it is in the package python3.13-venv" >&2; exit 1; }
	@.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.txt
	@touch $@

.venv/.stamp: .tools/uv/.stamp uv.lock pyproject.toml $(LAYERS:%=layers/%/pyproject.toml)
	@echo "Installing the locked packages into .venv"
	@$(UV) sync --quiet --frozen --python "$$PWD/.tools/uv/bin/python"
	@touch $@

.tools/axe/.stamp: tools/axe.txt tools/axe.py | .tools/uv/.stamp
	@.tools/uv/bin/python tools/axe.py tools/axe.txt .tools/axe

.tools/openclaw/.stamp: tools/openclaw.json tools/openclaw.py | .tools/uv/.stamp
	@echo "Installing OpenClaw's validator and its Node into .tools/openclaw"
	@.tools/uv/bin/python tools/openclaw.py
	@touch $@

.tools/npm-clients/.stamp: tools/clients.json tools/openclaw.json tools/openclaw.py | .tools/uv/.stamp
	@echo "Installing the npm clients and their Node into .tools/npm-clients"
	@.tools/uv/bin/python tools/openclaw.py tools/clients.json .tools/npm-clients
	@touch $@

.tools/%/.stamp: tools/%.txt | .tools/uv/.stamp
	@echo "Installing $* into .tools/$*"
	@rm -rf .tools/$*
	@$(UV) venv --quiet --no-project --python "$$PWD/.tools/uv/bin/python" .tools/$*
	@$(UV) pip sync --quiet --require-hashes --compile-bytecode --python .tools/$*/bin/python tools/$*.txt
	@touch $@
