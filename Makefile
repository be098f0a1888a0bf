# Tieline's targets; each one sets up what it needs. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
SERVICE ?=
ARGS ?=
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help env demo test test-containers chaos soak up down status logs dev lint format lock clean images compose-test bench bench-anchors

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  TIELINE_SERVERS=auto|urls|installed|embedded|docker says where PostgreSQL and RabbitMQ come from"
	@echo "  (urls: TIELINE_POSTGRES_URL and TIELINE_RABBITMQ_URL name them); nothing set: whatever is there"

env: ## make .venv hold exactly what the lock names
	@$(PYTHON) deploy/local/environment.py

demo: env ## play the main chain through the five services, from nothing to shipped goods
	@$(BIN)/tieline demo $(ARGS)

test: env ## run all tests on servers of their own; ARGS="tests/integration -k story" chooses
	@$(BIN)/python -m deploy.local.testrun $(ARGS)

test-containers: env ## the kernel's tests and the stories on PostgreSQL 17 and RabbitMQ 4 as testcontainers
	@docker info >/dev/null 2>&1 || { echo "No Docker engine answers; start one, then: make test-containers"; exit 1; }
	@TIELINE_TEST_CONTAINERS=1 TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_CONNECTION_MODE=docker_host TC_HOST=127.0.0.1 \
		$(BIN)/python -m pytest tests/kernel tests/integration $(ARGS)

chaos: env ## kill, freeze and cut at random, then check the books: SECONDS=100, SEED= plays a run again
	@$(BIN)/python -m tests.chaos.mix --seconds $(or $(SECONDS),100) $(if $(SEED),--seed $(SEED))

soak: env ## a trade at a low rate with the broker's connections cut every 5 s; memory and channels stay flat: SECONDS=600
	@$(BIN)/python -m tests.chaos.soak --seconds $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

up: env ## start servers and services and keep them running
	@$(BIN)/tieline up

down: env ## stop what `make up` started
	@$(BIN)/tieline down

status: env ## what runs, where, since when
	@$(BIN)/tieline status

logs: env ## show the services' logs; SERVICE=orders only its own, ARGS=-f follows
	@$(BIN)/tieline logs $(SERVICE) $(ARGS)

dev: env ## run one service again on each change of its code: make dev SERVICE=orders
	@test -n "$(SERVICE)" || { echo "Say which service: make dev SERVICE=orders"; exit 2; }
	@$(BIN)/tieline dev $(SERVICE)

lint: env ## check style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: env ## put the code in form and mend what can be mended by rule
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: env ## lock the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --upgrade pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --upgrade pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --upgrade --group embedded --output-file requirements-embedded.lock

clean: ## stop everything and remove the environment, the servers' data and all caches
	@if [ -x $(BIN)/tieline ]; then $(BIN)/tieline forget; fi
	rm -rf .venv .local .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

images: ## build the container images: five services, tools, gateway
	docker compose build

compose-test: ## prove docker-compose.yml: build, start, demo through the gateway, take it all down
	@deploy/compose/try

bench: env ## measure whole chains, hops, relay, queues; ARGS="low relay-poll" or "single --chains 500" chooses
	@$(BIN)/python -m bench $(ARGS)

bench-anchors: env ## the limits and the peer (10 min) beside it: make bench-anchors ANCHORS=folder ARGS="--peer --million"
	@test -n "$(ANCHORS)" || { echo "Say where the scripts are: make bench-anchors ANCHORS=folder"; exit 2; }
	@$(BIN)/python -m bench.anchors "$(ANCHORS)" $(ARGS)
