# The goals for working with Skald. Everything is written to target/. `make help` lists the goals.

PYTHON  ?= python3
PORT    ?= 4566
PROFILE ?= dev
MINUTES ?= 5

export CARGO_TARGET_DIR := $(CURDIR)/target

FUNCTIONS := $(patsubst functions/%/Cargo.toml,%,$(wildcard functions/*/Cargo.toml))
BINARIES  := target/$(patsubst dev,debug,$(PROFILE))
CLOUD     := target/venv
DEPLOYER  := target/deploy-venv
FUZZER    := target/cargo/bin/cargo-fuzz
LISTINGS  := cargo run --quiet --locked --manifest-path tests/public-api/Cargo.toml \
	--target-dir target/public-api --
INSTALL   := -m pip install --disable-pip-version-check --require-hashes --no-deps \
	--only-binary :all: --requirement

.PHONY: help run demo tail orders verify build check test lint public-api new fuzz \
	bench-path bench-largest bench-store bench-saga bench-build deploy locks clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

help: ## list the goals
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: $(CLOUD)/installed build ## run the system on this machine (PORT=4566, ENDPOINT=another cloud)
	@$(CLOUD)/bin/python infra/local/run.py $(if $(ENDPOINT),--endpoint $(ENDPOINT),--port $(PORT))

demo: $(CLOUD)/installed ## place four orders in the running system, and show how they end
	@$(CLOUD)/bin/python infra/local/demo.py

tail: target/bin/skald ## follow all events (CATEGORY, STREAM, TYPE, CORRELATION, SINCE=10m, ARGS)
	@target/bin/skald tail $(if $(CATEGORY),--category $(CATEGORY)) \
		$(if $(STREAM),--stream $(STREAM)) $(if $(TYPE),--type $(TYPE)) \
		$(if $(CORRELATION),--correlation $(CORRELATION)) $(if $(SINCE),--since $(SINCE)) $(ARGS)

orders: target/bin/skald ## list the orders that wait for a person: parked or overdue (ARGS)
	@target/bin/skald orders $(ARGS)

verify: target/bin/skald ## find faults in the event store (STREAM=order-…)
	@target/bin/skald verify $(if $(STREAM),--stream $(STREAM)) $(ARGS)

# Two builds, because a single one would also enable the command line's features for the functions.
build: target/checked ## build the functions and target/bin/skald (PROFILE=dev or release)
	cargo build --locked --profile $(PROFILE) $(FUNCTIONS:%=--package %)
	cargo build --locked --profile $(PROFILE) --package skald-operator
	@mkdir -p target/bin && cp $(BINARIES)/skald target/bin/skald
	@for each in $(FUNCTIONS); do \
		mkdir -p target/lambda/$$each && \
		cp $(BINARIES)/$$each target/lambda/$$each/bootstrap || exit; done

# The documentation without warnings, and for the kit also as JSON, from which the listings are
# made. These flags fail without rustdoc.sh, so Cargo does not reuse documentation that was built
# with other flags.
DOCUMENT := RUSTDOC='$(CURDIR)/tests/public-api/rustdoc.sh' \
	RUSTDOCFLAGS='--deny warnings -Z unstable-options' \
	cargo doc --quiet --locked --no-deps --workspace

# The tests of the crates, except those called `slow` and the system tests.
FAST := $(sort $(filter-out slow,\
	$(basename $(notdir $(wildcard events/tests/*.rs shared/*/tests/*.rs shared/kit/*/tests/*.rs))) \
	$(notdir $(patsubst %/main.rs,%,\
		$(wildcard shared/*/tests/*/main.rs shared/kit/*/tests/*/main.rs)))))

check: $(CLOUD)/linters target/checked ## lint and the fast tests (two minutes once all is built)
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	cargo test --locked --workspace --lib --bins --test architecture $(FAST:%=--test %)
	$(CLOUD)/bin/python infra/lint/lint.py

test: $(CLOUD)/linters build ## all tests; the system tests start local clouds of their own
	cargo test --locked --workspace
	$(CLOUD)/bin/python -m unittest discover --start-directory infra/lint
	$(CLOUD)/bin/python -m unittest discover --start-directory infra/new
	$(CLOUD)/bin/python -m unittest discover --start-directory infra/local

lint: $(CLOUD)/linters target/checked ## formatting, clippy, documentation, public API, template
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo fmt --manifest-path tests/bench-store/Cargo.toml --check
	cargo fmt --manifest-path tests/public-api/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	$(DOCUMENT)
	$(LISTINGS) check
	$(CLOUD)/bin/python infra/lint/lint.py

public-api: target/checked ## list the public API of the kit again, after a change of it
	$(DOCUMENT)
	$(LISTINGS) renew

new: target/checked ## write a new AGGREGATE=loyalty, VIEW=loyalty OF=loyalty or WORKER=loyalty OF=loyalty
	@$(PYTHON) infra/new/new.py $(if $(VIEW),--view '$(VIEW)' --of '$(OF)') \
		$(if $(WORKER),--worker '$(WORKER)' --of '$(OF)') $(if $(VIEW)$(WORKER),,--aggregate '$(AGGREGATE)')

fuzz: $(FUZZER) ## fuzz everything that parses stored or received bytes (TARGET, MINUTES=5)
	cargo fetch --locked --manifest-path tests/fuzz/Cargo.toml
	@for each in $(or $(TARGET),\
			$(patsubst tests/fuzz/fuzz_targets/%.rs,%,$(wildcard tests/fuzz/fuzz_targets/*.rs))); do \
		mkdir -p target/fuzz/corpus/$$each && \
		$(FUZZER) run --fuzz-dir tests/fuzz --target-dir target/fuzz --sanitizer none \
			$$each target/fuzz/corpus/$$each \
			-- -max_total_time=$$(($(MINUTES) * 60)) -max_len=4096 -print_final_stats=1 || exit; done

bench-path: $(CLOUD)/installed build ## time an order until it is confirmed (PROFILE=release)
	@$(CLOUD)/bin/python infra/local/bench_path.py --profile $(PROFILE)

bench-largest: $(CLOUD)/installed build ## measure what the largest order needs (PROFILE=release)
	@$(CLOUD)/bin/python infra/local/bench_largest.py --profile $(PROFILE)

bench-store: target/checked ## compare the event store with others and with plain SDK calls
	@cargo run --quiet --locked --release --manifest-path tests/bench-store/Cargo.toml \
		--target-dir target/bench-store

bench-saga: target/checked ## measure a sale of one product, with 1, 4 and 16 shards of its stock
	@cargo run --quiet --locked --release --manifest-path tests/bench-store/Cargo.toml \
		--target-dir target/bench-store --bin bench-saga

bench-build: target/checked ## measure a release build, and each function's size and start
	@$(PYTHON) infra/local/bench_build.py $(ARGS)

deploy: $(DEPLOYER)/installed target/checked ## build for arm64, and deploy to AWS with SAM
	rustup target add aarch64-unknown-linux-gnu
	rm -rf target/lambda
	PATH="$(CURDIR)/$(DEPLOYER)/bin:$$PATH" \
		cargo lambda build --locked --release --arm64 $(FUNCTIONS:%=--package %)
	$(DEPLOYER)/bin/python -m samcli deploy --guided --language-extensions \
		--template-file infra/template.yaml --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND

locks: target/checked ## pin the Python tools again after a change of a requirements.in
	$(PYTHON) -m venv --clear target/locks-venv
	target/locks-venv/bin/python -m pip install --quiet uv
	for each in local lint deploy; do \
		target/locks-venv/bin/uv pip compile --quiet --universal --python-version 3.10 \
			--generate-hashes --no-header --no-annotate --no-emit-index-url \
			infra/$$each/requirements.in --output-file infra/$$each/requirements.lock || exit; done

clean: ## remove everything that the goals made
	rm -rf target tests/fuzz/artifacts

# The operator's command line from the last build. The goals that use it build it only if it does
# not exist, so that an operator does not wait for a build.

target/bin/skald:
	@$(MAKE) --no-print-directory build

# The Python tools, in virtual environments that are made again when their lock changes.

$(CLOUD)/installed: infra/local/requirements.lock | target/checked
	@echo "Installing the local cloud into $(CLOUD) (once)"
	$(PYTHON) -m venv --clear $(CLOUD)
	$(CLOUD)/bin/python $(INSTALL) $<
	@touch $@

$(CLOUD)/linters: infra/lint/requirements.lock $(CLOUD)/installed
	@echo "Installing the template's linter into $(CLOUD) (once)"
	$(CLOUD)/bin/python $(INSTALL) $<
	@touch $@

$(DEPLOYER)/installed: infra/deploy/requirements.lock | target/checked
	@echo "Installing SAM and cargo-lambda into $(DEPLOYER) (once, 800 MB)"
	$(PYTHON) -m venv --clear $(DEPLOYER)
	$(DEPLOYER)/bin/python $(INSTALL) $<
	@touch $@

# The fuzzer. It needs a nightly compiler only for sanitizers, which find faults of unsafe code, and
# this project has no unsafe code.

$(FUZZER): Makefile | target/checked
	@command -v c++ >/dev/null || { echo "c++ is missing: libFuzzer is written in C++;" \
		"install a C++ compiler (Debian, Ubuntu: apt install g++)"; exit 1; }
	cargo install --quiet --locked --root target/cargo --version 0.13.2 cargo-fuzz
	@touch $@

# Checks that the required tools are installed.

target/checked: Makefile
	@command -v cargo >/dev/null || { echo "cargo is missing:" \
		"install Rust (https://rustup.rs), then try again"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "$(PYTHON) is missing or older than 3.10: install Python 3.10 or newer," \
		"or name another one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv module" \
		"(Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@mkdir -p target && touch $@
