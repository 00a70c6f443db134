# What can be done with a checkout; `make` alone explains it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench climb fuzz packages test-packages bench-packages components lock format lint docs tests \
  fuzz-targets fuzz-ci

CARGO ?= cargo
# Seconds that `make fuzz` gives each target.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := chat_client_frame chat_server_frame chat_session session_file tls_server tls_decrypt capture_reader reassembler masks
# Those that every change is given a minute of: what reads a stranger's captures.
FUZZ_CI_TARGETS := capture_reader reassembler tls_decrypt session_file masks
FUZZ_CI_SECONDS := 60
# What `cargo fuzz` would hand to the compiler: coverage as libFuzzer reads it. No sanitizer: there is no unsafe code under these targets
# to watch, and without one the stable toolchain serves. `--target` keeps the flags off build scripts.
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
  -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=1
FUZZ_HOST = $(shell rustc --version --verbose | sed -n 's/^host: //p')
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

# $(call fuzzed,TARGETS,SECONDS): what reaches new code goes to fuzz/target/corpus, the kept corpus is only read. What breaks a property, takes
# 10 s or a gigabyte is kept in fuzz/target/found-TARGET and ends it; its bytes are printed, too, for the clone of a gate is thrown away.
define fuzzed
@cd fuzz; for target in $(1); do \
  found="target/found-$$target"; mkdir -p "target/corpus/$$target"; rm -f "$$found"; \
  printf '\n==> fuzz %s for %d s\n' "$$target" '$(2)'; \
  "target/$(FUZZ_HOST)/release/$$target" "target/corpus/$$target" "corpus/$$target" -exact_artifact_path="$$found" \
    -max_total_time='$(2)' -max_len=16384 -timeout=10 -rss_limit_mb=1024 -verbosity=0 -print_funcs=0 -print_final_stats=1 || { \
    printf '\nfuzz %s broke on fuzz/%s, in base64:\n' "$$target" "$$found"; base64 "$$found"; exit 1; }; \
done
endef

demo: packages ## build, run the football scenario, print where the report is
	$(CARGO) build --release --locked
	@sync; out="runs/demo-$$(date +%Y%m%d-%H%M%S)"; status=0; \
	$(CARGO) run --release --locked --quiet -- run football --plain --out "$$out" $(ARGS) || status=$$?; \
	if [[ -f "$$out/report.html" ]]; then printf '\nThe report: %s\n' "$$PWD/$$out/report.html"; fi; \
	exit "$$status"

test: packages test-packages components lock format lint docs tests fuzz-ci ## formatting, lints, documentation, every test, minutes of fuzzing
	@printf '\nAll tests passed.\n'

bench: packages bench-packages ## measure against mosquitto, ejabberd, tsung and a bare forwarder
	$(CARGO) run --release --locked -p teem-benches --bin teem-bench -- all

# Each leaves its run folder under runs/; together they take about an hour and 22 GB. docs/results/ has what was measured so far.
climb: packages ## two million over kernel sockets, three under TLS, 2.8 as hard as it goes, five in the clear
	$(CARGO) build --release --locked
	@teem=target/release/teem; status=0; day="$$(date +%Y%m%d-%H%M%S)"; \
	climb() { local name="$$1"; shift; printf '\n==> %s\n' "$$name"; \
	  "$$teem" run climb --out "runs/$$name-$$day" "$$@" || status=$$?; }; \
	climb 2m-kernel --connections 2M --plain --transport kernel --connects 10k --rate 5.2k; \
	climb 3m-tls --connections 3M --steps 3M --connects 3900 --rate 10.3k --hold 300; \
	climb 2.8m-messages --connections 2.8M --plain --steps 2.8M --rate 16k --connects 13k; \
	climb 5m-plain --connections 5M --plain --steps 2.8M --connects 14k --rate 6k; \
	exit "$$status"

fuzz: packages fuzz-targets ## give each fuzz target FUZZ_SECONDS
	$(call fuzzed,$(FUZZ_TARGETS),$(FUZZ_SECONDS))

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
# Those that lack a privilege or a peer say so in a line, which is counted; TEEM_NO_SKIP=1 makes them fail instead.
tests:
	@mkdir -p target; rm -f '$(SKIPS)'
	$(call stage,tests,TEEM_SKIPS='$(SKIPS)' $(CARGO) test --locked --workspace)
	@if [[ -s '$(SKIPS)' ]]; then printf '\n%d tests were skipped on this host:\n' "$$(wc -l < '$(SKIPS)')"; cat '$(SKIPS)'; fi

fuzz-targets:
	$(call stage,building fuzz targets,RUSTFLAGS='$(FUZZ_FLAGS)' $(CARGO) build --release --locked --manifest-path fuzz/Cargo.toml \
	  --target $(FUZZ_HOST) --target-dir fuzz/target)

fuzz-ci: fuzz-targets
	$(call fuzzed,$(FUZZ_CI_TARGETS),$(FUZZ_CI_SECONDS))
