# What can be done with a checkout; `make` alone explains it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench climb fuzz packages test-packages bench-packages components fuzzer lock format lint docs tests

CARGO ?= cargo
# Seconds that `make fuzz` gives each target.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := chat_client_frame chat_server_frame chat_session session_file tls_server capture_reader reassembler
# Where tests that cannot be made on this host say so.
SKIPS := $(CURDIR)/target/skipped-tests
# More arguments for the demo's `teem run football`, such as `--connections 20000`.
ARGS ?=

# $(call stage,NAME,COMMAND): runs a command under a heading and says how long it took.
define stage
@printf '\n==> %s\n' '$(1)'; $(2) || exit 1; printf '<== %s: %d s\n' '$(1)' "$$SECONDS"
endef

help: ## this list
	@printf 'teem: fills one box with real connections, and plots where it breaks\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  FUZZ_SECONDS=60   how long `make fuzz` gives each target\n'
	@printf '  ARGS=...          more arguments for the demo, such as "--connections 20000"\n'

demo: packages ## build, run the football scenario, print where the report is
	$(CARGO) build --release --locked
	@out="runs/demo-$$(date +%Y%m%d-%H%M%S)"; status=0; \
	$(CARGO) run --release --locked --quiet -- run football --plain --out "$$out" $(ARGS) || status=$$?; \
	if [[ -f "$$out/report.html" ]]; then printf '\nThe report: %s\n' "$$PWD/$$out/report.html"; fi; \
	exit "$$status"

test: packages test-packages components lock format lint docs tests ## formatting, lints, documentation, and every test
	@printf '\nAll tests passed.\n'

bench: packages bench-packages ## measure against mosquitto, ejabberd, tsung and a bare forwarder
	$(CARGO) run --release --locked -p teem-benches --bin teem-bench -- all

# Each leaves its run folder under runs/; together they take about an hour and 22 GB. docs/results/ has what was measured so far.
climb: packages ## two million over kernel sockets, three under TLS, 2.8 as hard as it goes, five in the clear
	$(CARGO) build --release --locked
	@teem=target/release/teem; status=0; day="$$(date +%Y%m%d-%H%M%S)"; \
	climb() { local name="$$1"; shift; printf '\n==> %s\n' "$$name"; \
	  "$$teem" run climb --out "runs/$$name-$$day" "$$@" || status=$$?; }; \
	climb 2m-kernel --connections 2M --plain --transport kernel --connects 10k --rate 5k; \
	climb 3m-tls --connections 3M --steps 3M --connects 3900 --rate 10.3k --hold 300; \
	climb 2.8m-messages --connections 2.8M --plain --steps 1M --rate 20k; \
	climb 5m-plain --connections 5M --plain --steps 2.8M --connects 14k --rate 6k; \
	exit "$$status"

# What is found goes to fuzz/target/corpus; the kept corpus is only read. No sanitizer: there is no unsafe code under
# these targets to watch, and without one the stable toolchain serves.
fuzz: packages fuzzer ## give each fuzz target FUZZ_SECONDS
	@cd fuzz; for target in $(FUZZ_TARGETS); do \
	  printf '\n==> fuzz %s for %d s\n' "$$target" '$(FUZZ_SECONDS)'; mkdir -p "target/corpus/$$target"; \
	  $(CARGO) fuzz run --sanitizer none "$$target" "target/corpus/$$target" "corpus/$$target" -- \
	    -max_total_time='$(FUZZ_SECONDS)' -max_len=16384 -verbosity=0 -print_final_stats=1; \
	done

# The stages of `make test`; each can be asked for alone.

packages:
	$(call stage,packages,deploy/install-packages.sh build)

test-packages:
	$(call stage,packages of peers in tests,deploy/install-packages.sh test)

bench-packages:
	$(call stage,packages of the peers,deploy/install-packages.sh bench)

components:
	@for part in fmt clippy; do \
	  if ! $(CARGO) "$$part" --version >/dev/null 2>&1; then \
	    printf 'cargo %s is missing: adding it with rustup\n' "$$part"; \
	    rustup component add "$${part/#fmt/rustfmt}"; \
	  fi; \
	done

fuzzer:
	@if ! $(CARGO) fuzz --version >/dev/null 2>&1; then \
	  printf 'cargo fuzz is missing: installing it\n'; $(CARGO) install cargo-fuzz --locked; \
	fi

# A lock file that says less than the manifests would let two builds differ.
lock:
	$(call stage,lock files,$(CARGO) metadata --locked --format-version 1 >/dev/null && \
	  $(CARGO) metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null)

format:
	$(call stage,formatting,$(CARGO) fmt --all --check && $(CARGO) fmt --manifest-path fuzz/Cargo.toml --check)

lint:
	$(call stage,lints,$(CARGO) clippy --locked --workspace --all-targets -- -D warnings)

docs:
	$(call stage,documentation,RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --workspace)

# Unit tests, each crate's tests folder, the command end to end, and the examples in the documentation.
tests:
	@mkdir -p target; rm -f '$(SKIPS)'
	$(call stage,tests,TEEM_SKIPS='$(SKIPS)' $(CARGO) test --locked --workspace)
	@if [[ -s '$(SKIPS)' ]]; then printf '\n%d tests were skipped on this host:\n' "$$(wc -l < '$(SKIPS)')"; cat '$(SKIPS)'; fi
