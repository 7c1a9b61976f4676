# What can be done with Gatehouse; `make` alone lists it.
#
# Every target gets what it needs: the Rust toolchain through rustup, everything else into .tools/ and node_modules/.

SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help tools rust envoy test-services build key-manager service test-modules test demo demo-up demo-down lint fuzz mutants bench bench-key-manager soak size schema envoy-path

CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2
CARGO_MUTANTS_VERSION := 27.1.0
# The test runner and the crate speak a protocol of their own, so their versions have to be equal.
WASM_BINDGEN_VERSION := $(shell sed -n '/^name = "wasm-bindgen"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' Cargo.lock)
# The oldest line that the filter supports; its Envoys have no `sign` function.
OLDEST_ENVOY_VERSION := 1.36.4

# How long each fuzz target runs.
FUZZ_SECONDS ?= 60
# How long the soak test runs.
SOAK_SECONDS ?= 600

MODULE := target/wasm32-wasip1/release/gatehouse.wasm

CARGO_DENY := .tools/cargo-deny/$(CARGO_DENY_VERSION)/bin/cargo-deny
CARGO_FUZZ := .tools/cargo-fuzz/$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
CARGO_MUTANTS := .tools/cargo-mutants/$(CARGO_MUTANTS_VERSION)/bin/cargo-mutants
WASM_TEST_RUNNER := .tools/wasm-bindgen/$(WASM_BINDGEN_VERSION)/bin/wasm-bindgen-test-runner
NODE_MODULES := envoy-demo/node_modules/.package-lock.json
BINARYEN := scripts/binaryen/node_modules/.package-lock.json

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: rust envoy $(NODE_MODULES) $(BINARYEN) ## Get the Rust toolchain, Envoy and the identity provider

build: rust $(BINARYEN) ## Build the filter: target/wasm32-wasip1/release/gatehouse.wasm
	scripts/build-module gatehouse

test: rust test-services test-modules build $(NODE_MODULES) $(WASM_TEST_RUNNER) ## Run all tests: native, as WebAssembly, on real Envoy
	cargo test --locked --package key-validation --package scope-alias-handler
	cargo test --locked --package key-manager --features failpoints
	cargo test --locked --package surfoauth-connector
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER='$(abspath $(WASM_TEST_RUNNER))' \
		cargo test --locked --package key-validation --lib --target wasm32-unknown-unknown
	envoy=$$(scripts/envoy-path) && oldest=$$(scripts/fetch-envoy $(OLDEST_ENVOY_VERSION)) && \
		ENVOY_PATH="$$envoy" ENVOY_OLDEST_PATH="$$oldest" cargo test --locked --package gatehouse

demo: tools build key-manager ## Show it: start everything, walk through calls and denials, end everything
	@node envoy-demo/demo.mjs run

demo-up: tools build key-manager ## Start the demo and leave it running; addresses in .demo/env
	@node envoy-demo/demo.mjs up

demo-down: ## End the demo
	@node envoy-demo/demo.mjs down

lint: rust $(CARGO_DENY) ## Check format, lints (warnings are errors) and dependencies
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo fmt --manifest-path benches/Cargo.toml --all --check
	cargo clippy --locked --workspace --all-targets --all-features -- --deny warnings
	cargo clippy --locked --package gatehouse --package scope-alias-handler --package key-validation --lib \
		--target wasm32-wasip1 -- --deny warnings
	cargo clippy --locked --package key-validation --lib --target wasm32-unknown-unknown -- --deny warnings
	scripts/check-dependencies $(CARGO_DENY)

fuzz: rust $(CARGO_FUZZ) ## Fuzz whatever reads octets from outside, FUZZ_SECONDS (60) for each target
	fuzz/run $(CARGO_FUZZ) $(FUZZ_SECONDS)

mutants: rust $(CARGO_MUTANTS) ## Break the decision piece by piece, and list what no test notices: target/mutants.out/
	@mkdir -p target
	PROPTEST_CASES=64 $(CARGO_MUTANTS) mutants --package key-validation --output target $(MUTANTS_OPTIONS)

bench: build test-services ## Measure side by side with others: docs/benchmarks.md; BENCH_ROUNDS (60) rounds; BENCH_PARTS
	scripts/bench bench $(BENCH_PARTS)

bench-key-manager: rust test-services ## Measure the key manager with a large registry and many gateways: docs/benchmarks.md
	cargo bench --locked --package key-manager --bench scale -- sqlite
	cargo bench --locked --package key-manager --bench scale -- postgres
	scripts/bench bench report

soak: build ## Remember a million tokens, then drive mixed traffic for SOAK_SECONDS (600); fail on a wrong decision, lost memory, a hung request
	cargo test --release --locked --package key-validation --lib -- --ignored
	SOAK_SECONDS=$(SOAK_SECONDS) scripts/bench soak

key-manager: rust ## Build the key manager for trying out: target/debug/gatehouse-key-manager
	cargo build --locked --package key-manager

service: rust ## Build the key manager for use: target/service/gatehouse-key-manager
	cargo build --locked --package key-manager --profile service

size: build ## Check that the filter keeps to its size budget
	@scripts/check-size $(MODULE)

schema: rust ## Regenerate filter-config/schema.json
	@mkdir -p filter-config target
	cargo run --quiet --locked --package key-validation --features schema --bin filter-config-schema > target/schema.json
	mv target/schema.json filter-config/schema.json

envoy-path: ## Print the path of the Envoy in use
	@scripts/envoy-path

rust:
	@scripts/install-rust

envoy:
	@scripts/envoy-path >/dev/null

test-services:
	@scripts/install-test-services

test-modules: rust $(BINARYEN)
	scripts/build-module scope-alias-handler
	scripts/build-module trapping-filter

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci
	@touch $@

# Debug builds: quick to compile and fast enough.
$(CARGO_DENY): | rust
	cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --debug --root .tools/cargo-deny/$(CARGO_DENY_VERSION)

$(CARGO_FUZZ): | rust
	cargo install cargo-fuzz --version $(CARGO_FUZZ_VERSION) --locked --debug --root .tools/cargo-fuzz/$(CARGO_FUZZ_VERSION)

$(CARGO_MUTANTS): | rust
	cargo install cargo-mutants --version $(CARGO_MUTANTS_VERSION) --locked --debug \
		--root .tools/cargo-mutants/$(CARGO_MUTANTS_VERSION)

# Without its default features, which fetch browsers' drivers. Some releases are locked to crates that cannot be had any
# more; those are installed without the lock.
INSTALL_WASM_TEST_RUNNER := cargo install wasm-bindgen-cli --version $(WASM_BINDGEN_VERSION) \
	--bin wasm-bindgen-test-runner --no-default-features --debug --root .tools/wasm-bindgen/$(WASM_BINDGEN_VERSION)

$(WASM_TEST_RUNNER): | rust
	$(INSTALL_WASM_TEST_RUNNER) --locked || $(INSTALL_WASM_TEST_RUNNER)
