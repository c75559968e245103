# Thin: one line for each thing one can do here. The work is in scripts/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help lab rollout lab-down test prove image lint unit golden second-run diff matrix drill drills bench reference secrets

ENGINE ?= routeros
SHARDS ?= 1
CONNECTION ?= docker
NAME ?= host-lost
SHARD ?= 0
SEED ?= 0
IN_VENV := . scripts/environment &&
IN_LAB := . scripts/environment lab &&

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: ## the whole estate on this machine, verified; ENGINE=routeros (or linux), SHARDS=1 and CONNECTION=docker (or ssh, as people do) are the defaults
	@scripts/bootstrap && scripts/lab --engine $(ENGINE) --shards $(SHARDS) --connection $(CONNECTION)

rollout: ## the same from nothing, a day after the other, each with its gate, up to the drill of day 15
	@scripts/bootstrap && scripts/lab --days --engine $(ENGINE) --shards $(SHARDS)

lab-down: ## remove the lab, leave nothing behind
	@scripts/lab-down

test: ## what CI runs: lint, all fast tests, the scenario of every role, the estate once from nothing; takes the place of a running lab
	@scripts/bootstrap && scripts/test test $(STEPS)

prove: ## all the rest: day by day with kills, both engines, growth, rotations, maintenance, removal, faults; up to two hours
	@scripts/bootstrap && scripts/test prove $(STEPS)

image: ## the lab's image; built again only when what goes into it changed
	@scripts/bootstrap && scripts/image

lint: ## style, types and ansible-test sanity of everything
	@$(IN_VENV) scripts/lint
	@$(IN_VENV) scripts/sanity

unit: ## the fast tests
	@$(IN_VENV) pytest tests

golden: ## write the expected outputs of tests/golden anew; read the difference before you commit
	@$(IN_VENV) pytest tests/golden --update-golden

second-run: ## site.yml once more on the running lab: nothing may change, nothing may restart
	@$(IN_LAB) molecule/estate/second_run.py

diff: ## on the running lab: five edits, each foretold by `unde diff`, applied, compared with what happened
	@$(IN_LAB) molecule/estate/diff.py

matrix: ## who really reaches whom, from every host to every other, compared with the flows cell by cell; pages in .cache/matrix/
	@$(IN_LAB) scripts/matrix

drill: ## on the running lab: break the leading member of SHARD=0 by NAME=host-lost (or another fault: docs/drills.md) under load, mend it, judge it
	@$(IN_LAB) scripts/lab-playbook playbooks/drills/drill.yml -e drill=yes -e fault=$(NAME) -e shard=$(SHARD)

drills: ## on the running lab: every fault once, in the order of SEED=0, or for HOURS=2; FAULTS="host-lost two-votes-lost" runs these alone
	@$(IN_LAB) scripts/drills.py --seed $(SEED) --shard $(SHARD) $(if $(HOURS),--hours $(HOURS)) $(if $(COUNT),--count $(COUNT)) $(FAULTS)

bench: ## speed as ratios to yardsticks; on a running lab also the second run, role by role; figures in .cache/bench/
	@$(IN_LAB) scripts/bench

reference: ## write docs/reference and the editors' schema anew from the code
	@$(IN_VENV) python scripts/reference.py

secrets: ## make the production secrets that are missing, in one encrypted file
	@$(IN_VENV) scripts/secrets
