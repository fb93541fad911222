# make run    an agent on 127.0.0.1:8030 (DIDComm), 8031 (ACA-Py admin API) and 8032 (gRPC)
# make demo   two agents that connect and reuse the connection
# make test   all tests; installs what they need under target/
# make conformance       what the standards ask of an agent, each requirement with pass, fail or open
# make simulate          agents on a seeded schedule; SEEDS=100000 runs as many, SEED=7 shows one
# make simulate-mutants  breaks the code in ways that the simulation must find
# make kills             kills two agents at random moments on each database; MOMENTS=1000 as often
# make soak              two agents under load for half an hour; MINUTES=3 for as long
# make fuzz              made-up bytes for every parser that bytes from outside reach, SECONDS each
# make bench  what handshakes and reuses cost on this machine, in each shape, with a million connections, and beside a flood
# make lint   format, clippy, protos, deploy/, dependencies
# make sbom   what the program is built from, as CycloneDX, to target/entente.cdx.json
# make audit  asks the advisory databases about it; needs cargo-deny or cargo-audit, and the network
# make fmt    formats the code

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run demo test conformance simulate simulate-mutants fuzz sbom audit kills soak bench lint fmt acapy acapy-0.12 identus graphql grpcio grpcurl buf nats faketime deploy-tools oracles lint-rust lint-proto lint-deploy lint-dependencies lint-mutants

CARGO ?= cargo
# What the tests look for; a tool that could not be installed is not there, and the tests that need it say so.
export ENTENTE_TEST_BIN := $(CURDIR)/target/debug/entente
export ENTENTE_TEST_ACAPY := $(CURDIR)/target/acapy/bin/aca-py
export ENTENTE_TEST_ACAPY_012 := $(CURDIR)/target/acapy-0.12/bin/aca-py
export ENTENTE_TEST_IDENTUS := $(CURDIR)/target/identus
export ENTENTE_TEST_GRAPHQL := $(CURDIR)/target/graphql
export ENTENTE_TEST_GRPCIO := $(CURDIR)/target/grpcio/bin/python
export ENTENTE_TEST_BUF := $(CURDIR)/target/buf/node_modules/.bin/buf
export ENTENTE_TEST_GRPCURL := $(CURDIR)/target/tools/bin/grpcurl
export ENTENTE_TEST_NATS := $(CURDIR)/target/nats/nats-server
export ENTENTE_TEST_FAKETIME := $(CURDIR)/target/faketime/libfaketimeMT.so.1
export ENTENTE_TEST_ENVOY := $(CURDIR)/target/deploy/bin/envoy
export ENTENTE_TEST_PROMTOOL := $(CURDIR)/target/deploy/promtool

help:
	@sed -n '/^# make/s/^# //p' Makefile

run:
	$(CARGO) run --locked -p entente -- serve

demo:
	$(CARGO) run --locked -p entente -- demo

bench:
	$(CARGO) build --locked --release -p entente
	.ci/postgres start durable
	@trap '.ci/postgres stop' EXIT; \
	measure() { echo "*** $$1 ***"; target/release/entente bench --handshakes 2000 --reuses 2000 --invitations 2000 "$${@:2}"; }; \
	measure 'one process on SQLite'; \
	measure 'five processes on SQLite' --apart; \
	echo '*** 1,000 tenants, of whom one floods ***'; \
	target/release/entente bench --tenants 1000 --flood; \
	echo '*** 99 peers, and an address that floods ***'; \
	target/release/entente bench --peers 99 --flood; \
	if [[ -f target/postgres.env ]]; then \
		source target/postgres.env; \
		.ci/postgres create {one,five,three}_{inviter,invitee}; \
		measure 'one process on PostgreSQL' --database-url "$$ENTENTE_TEST_POSTGRES/one_{agent}"; \
		measure 'five processes on PostgreSQL' --apart --database-url "$$ENTENTE_TEST_POSTGRES/five_{agent}"; \
		measure 'three replicas on PostgreSQL' --replicas 3 --database-url "$$ENTENTE_TEST_POSTGRES/three_{agent}"; \
	fi; \
	$(CARGO) bench --locked -p entente-connection --bench growth
	CARGO_TARGET_DIR=$(CURDIR)/target/oracles $(CARGO) bench --locked --manifest-path tests/oracles/Cargo.toml --features bench

# SEED=7 shows one seed step by step; SEEDS=100000 runs as many, from FIRST=1 on.
simulate:
	SEED=$(SEED) SEEDS=$(SEEDS) FIRST=$(FIRST) $(CARGO) run --locked -p entente-simulation

# Defects that somebody could make, each of which some seed must find.
simulate-mutants:
	tests/simulation/mutants/run

soak:
	$(CARGO) build --locked --release -p entente
	target/release/entente bench --soak $(or $(MINUTES),30)

# MOMENTS=1000 kills as often, SEED=7 at the moments of that seed.
kills:
	$(CARGO) build --locked --workspace --all-targets
	.ci/postgres start
	@trap '.ci/postgres stop' EXIT; \
	die() { echo "*** $$1 ***"; \
		env "$${@:2}" $(CARGO) test --locked --workspace --test faults -- --nocapture kills; }; \
	export MOMENTS=$(MOMENTS) SEED=$(SEED); \
	die 'one process on SQLite' ENTENTE_TEST_DATABASE=sqlite; \
	if [[ -f target/postgres.env ]]; then \
		source target/postgres.env; \
		die 'one process on PostgreSQL' ENTENTE_TEST_DATABASE=postgres; \
		die 'a process for each service on PostgreSQL' ENTENTE_TEST_DATABASE=postgres ENTENTE_TEST_SHAPE=split; \
	fi

# Each of tests/fuzz/fuzz_targets for so long, on as many cores as there are; with TARGET=did that alone.
fuzz: SECONDS = 600
fuzz:
	tests/fuzz/run $(SECONDS) $(TARGET)

sbom:
	@mkdir -p target
	.ci/sbom >target/entente.cdx.json

# Advisories come after a release, so this is for a schedule, and for who runs it: a change does not wait for it.
audit:
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --all-features check advisories; \
	elif $(CARGO) audit --version >/dev/null 2>&1; then $(CARGO) audit; \
	else echo "neither is installed: cargo install --locked cargo-deny, or cargo-audit" >&2; exit 1; fi

fmt:
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path tests/oracles/Cargo.toml
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml

# The binary is built first, and with the same features as the tests, so that all of them find it.
test: acapy acapy-0.12 identus graphql grpcio grpcurl buf nats faketime deploy-tools oracles
	$(CARGO) build --locked --workspace --all-targets
	.ci/postgres start
	@trap '.ci/postgres stop' EXIT; \
	if [[ -f target/postgres.env ]]; then source target/postgres.env; fi; \
	if $(CARGO) nextest --version >/dev/null 2>&1; then \
		all() { $(CARGO) nextest run --locked --workspace --no-fail-fast; }; \
		driving() { $(CARGO) nextest run --locked --workspace --no-fail-fast \
			-E 'package(entente-tests) & !binary(/^(fleet|layering|limits|migrate|reasons)$$/)'; }; \
	else \
		all() { $(CARGO) test --locked --workspace --all-targets --no-fail-fast; }; \
		driving() { $(CARGO) test --locked -p entente-tests --no-fail-fast; }; \
	fi; \
	all; \
	if [[ -n $${ENTENTE_TEST_POSTGRES:-} ]]; then \
		echo "*** the tests that drive the program, once more on PostgreSQL and with a process for each service ***"; \
		ENTENTE_TEST_DATABASE=postgres ENTENTE_TEST_SHAPE=split driving; \
	fi

# What passed is what libtest says; the whole output stays in target/conformance.log. With AGENT the wire of another agent is
# checked, that speaks ACA-Py's admin API there, with KEY as bearer: make conformance AGENT=http://127.0.0.1:8031
conformance: export ENTENTE_CONFORMANCE_ADMIN_KEY = $(KEY)
conformance:
	$(CARGO) build --locked --workspace --all-targets
	$(if $(AGENT),export ENTENTE_CONFORMANCE_ADMIN_URL=$(AGENT);) \
	$(CARGO) test --locked --workspace --lib --test conformance --test appendix --test it --no-fail-fast \
		-- --show-output $$(target/debug/conformance filters) >target/conformance.log 2>&1 || true
	target/debug/conformance $(if $(AGENT),another) <target/conformance.log

# A workspace of its own, with its own lock file: what the others depend on must not get into the product's.
oracles:
	CARGO_TARGET_DIR=$(CURDIR)/target/oracles $(CARGO) test --locked --manifest-path tests/oracles/Cargo.toml

acapy acapy-0.12:
	.ci/install $@

identus:
	.ci/install identus

graphql:
	.ci/install graphql

grpcio grpcurl buf nats faketime:
	.ci/install $@

deploy-tools:
	.ci/install deploy-tools

lint: lint-rust lint-proto lint-deploy lint-dependencies lint-mutants

lint-rust:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/oracles/Cargo.toml --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

# Until there is a release, the protos may still change freely.
lint-proto: buf
	@buf=target/buf/node_modules/.bin/buf; \
	if [[ -x $$buf ]]; then \
		$$buf lint; \
		tag=$$(git describe --tags --abbrev=0 2>/dev/null || true); \
		if [[ -n $$tag ]]; then $$buf breaking --against ".git#tag=$$tag"; fi; \
	fi

lint-deploy: deploy-tools
	@if [[ -x target/deploy/promtool ]]; then target/deploy/bin/python .ci/check-deploy; fi

lint-mutants:
	tests/simulation/mutants/run --check

# cargo-deny takes minutes to compile, so it is used where it is. The tests check the layering anyway.
lint-dependencies:
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny --all-features check bans licenses sources; \
	else \
		echo "cargo-deny is not installed: deny.toml is not checked (cargo install --locked cargo-deny)"; \
	fi
