# The front door. Every target does its own set-up, which takes a second when nothing changed.
.PHONY: help setup demo test check bench simulate sabotage chaos validate audit clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## npm packages, the Kafka client's native part, the broker's jars, the build
	@scripts/setup.sh

demo: setup ## fifty hours of two chains with forks, in about a minute, from nodes to Postgres, parquet and CSV
	@node dist/test/demo/main.js

test: setup ## all tests, against a real broker and a real database
	@node node_modules/vitest/vitest.mjs run

check: setup ## lint, types, the core's purity, dead code
	@npm run --silent check

bench: setup ## blocks a second, CPU and memory, from node to raw and from raw to all stores; CHAIN=bitcoin for one chain
	@node dist/test/bench/main.js $(if $(CHAIN),--chain $(CHAIN))

simulate: setup ## all stages in virtual time against a world that misbehaves by a seed: RUNS=100, SEED=; a failing seed tells its shortest story and is kept as a test
	@node dist/test/simulation/main.js $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(if $(KEEP),--keep "$(KEEP)")

sabotage: setup ## breaks one rule after the other in a copy of the product: the simulator must find each within RUNS=1000; ONLY=name for one
	@node dist/test/simulation/sabotage/main.js $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

chaos: setup ## kills and freezes of two copies of each stage, the broker and Postgres: RUNS=20 kills, SEED=, CLUSTER=1 for three brokers
	@node dist/test/chaos/main.js $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(if $(CLUSTER),--cluster)

validate: ## the Kubernetes manifests and the compose file, by their tools' own schemas where these are installed
	@scripts/check-deploy.sh

audit: ## known weaknesses of the npm packages that are shipped, as the configured registry knows them; a finding fails
	@scripts/audit.sh

clean: ## what was built, and all data in .sluice: topics, database, lake and feeds; the cache of set-up stays
	@for link in .sluice/postgres .sluice/*/postgres; do \
	  case "$$(readlink $$link)" in /var/lib/sluice/postgres-*) rm -rf "$$(readlink $$link)" ;; esac; \
	done
	@rm -rf dist .sluice coverage
