# `make` alone lists what there is to make.

# Empty outside a repository; the program then tells the module's version.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -X main.version=$(VERSION)

# Built once into bin/; the version is in the name so that a new pin builds a new one.
STATICCHECK_VERSION := v0.8.2
STATICCHECK := bin/staticcheck-$(STATICCHECK_VERSION)

FUZZTIME ?= 10s
# What all fuzzers get together in `make test`: more would be felt, and what takes longer to be found is for `make soak`.
FUZZTOTAL ?= 40s

# What `make check` tests: all but the packages that drive the whole program or real cargos for minutes.
QUICK = $(shell go list ./... | grep -v -e /cmd/cargo-cow -e /sourcelist -e /drivertest -e /driver/btrfs -e /hack/scratch -e /hack/bench -e /hack/dist -e /hack/differential -e /leftover -e /cargo/fingerprint -e /layers/rustc -e /driver/pool)

# Begun first, so that none of them is left running alone at the end.
LONGEST = ./cmd/cargo-cow/soundness ./cmd/cargo-cow/divergence ./cmd/cargo-cow-rustc ./cmd/cargo-cow/warehouse ./cmd/cargo-cow/survival

.PHONY: help build dist check elsewhere test soak differential stale-table rules fuzz toolchains explain bench bench-rivals bench-disk published macros demo docs clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Without C, as it is given out: the dynamic linker takes a quarter of the time that cargo-cow needs to start.
build: ## bin/cargo-cow and its wrapper, bin/cargo-cow-rustc
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/cargo-cow ./cmd/cargo-cow-rustc

dist: ## what users get, into dist/: archives, packages of Debian's, a crate, their sums
	go run ./hack/dist

# Systems that no test runs on. On macOS that is reflink, and the formats of Cargo that build there.
DARWIN = ./reflink ./layers/paths ./layers/prune ./layers/cargo/depinfo ./layers/cargo/fingerprint ./layers/cargo/lockfile ./layers/cargo/rustsrc ./layers/cargo/script
# The tests of driver/btrfs call a library that needs C, for which there is no compiler for another processor.
ELSEWHERE = env CGO_ENABLED=0 GOOS=$(1) GOARCH=$(2) go

check: $(STATICCHECK) ## formatting, vet, staticcheck and the quick tests
	@unformatted=$$(gofmt -l cmd driver hack layers reflink); \
	if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w): $$unformatted" >&2; exit 1; fi
	go vet ./...
	go vet -tags cowtest ./cmd/...
	$(STATICCHECK) ./...
	$(call ELSEWHERE,darwin,arm64) vet ./reflink/...
	go test -short $(QUICK)

elsewhere: ## what is made for systems that no test runs on: vetted and built for macOS, and for Linux on ARM
	for arch in arm64 amd64; do \
		$(call ELSEWHERE,darwin,$$arch) vet ./reflink/... && $(call ELSEWHERE,darwin,$$arch) build $(DARWIN) || exit 1; done
	$(call ELSEWHERE,freebsd,amd64) vet ./reflink/...
	$(call ELSEWHERE,linux,arm64) vet $$(go list ./... | grep -v /driver/btrfs)
	$(call ELSEWHERE,linux,arm64) build ./...

# What the race detector watches: where goroutines share memory. The database's driver alone takes two minutes to be
# compiled for it, and who uses it here are processes.
RACED = $(shell go list ./reflink/... ./driver/... ./layers/... | grep -v /layers/usage)

# The tests under cmd and hack drive other processes, which go test does not see change: they are never taken from its
# cache.
test: ## install what is missing, then every test on real file systems; with CI set, none may skip
	hack/setup
	$(MAKE) elsewhere
	go run ./hack/noskip -race -timeout 20m $(RACED)
	go run ./hack/noskip -count=1 -timeout 20m $(LONGEST) ./layers/usage ./cmd/... ./hack/...
	go run ./hack/fuzz -total $(FUZZTOTAL)

# The same tests as those of make test, in numbers for a night (docs/testing.md, "Hidden inputs").
SOAK = CARGO_COW_TEST_KILLS=$(1) CARGO_COW_TEST_CUTS=$(2) CARGO_COW_TEST_FAULTS=$(2) go test -v -count=1 -timeout 6h

soak: ## tests that can be made larger, in numbers for a night: kills, power cuts, failing disks, crowds
	hack/setup
	CARGO_COW_TEST_CROWD=200 go test -count=1 -timeout 2h -v -run 'TestCrowd$$' ./cmd/cargo-cow/survival
	$(call SOAK,500,200) -run 'TestInterruptedAnywhere/btrfs' ./cmd/cargo-cow/survival
	$(call SOAK,50,50) -run 'TestInterruptedAnywhere/(xfs|ext4)' ./cmd/cargo-cow/survival
	CARGO_COW_TEST_DAYS=30 CARGO_COW_TEST_CHECKOUTS=200 go test -count=1 -timeout 2h -v -run 'TestThirtyDays|TestNothingIsTyped' ./cmd/cargo-cow/space
	CARGO_COW_TEST_EVERY_CARGO=1 go test -count=1 -timeout 2h ./cmd/cargo-cow/agents ./cmd/cargo-cow/justintime
	CARGO_COW_TEST_DISK=xfs go test -count=1 -timeout 2h ./cmd/cargo-cow/justintime
	CARGO_COW_TEST_EVERY_CARGO=1 go test -count=1 -timeout 2h -run 'TestToolchains|TestLockfiles' ./cmd/cargo-cow ./cmd/cargo-cow/soundness ./cmd/cargo-cow/divergence
	go test -count=30 -timeout 2h -run 'TestJoined|TestRandom$$' ./cmd/cargo-cow/soundness
	CARGO_COW_TEST_SWAPS=200 go test -count=1 -timeout 2h -run TestDirectoriesSwapped ./cmd/cargo-cow/survival
	CARGO_COW_TEST_FLIPS=2000 go test -count=1 -timeout 3h -v -run TestRandomFlips ./cmd/cargo-cow/verify
	CARGO_COW_TEST_ROUNDS=60 go test -count=1 -timeout 6h -v -run "TestKilled|TestNothingIsLeftOver" ./layers/cargo/leftover
	CARGO_COW_TEST_OPERATIONS=20000 go test -count=1 -timeout 6h -v ./cmd/cargo-cow/model
	go run ./hack/differential -n 1000 -toolchains ",$(shell echo $(TOOLCHAINS) | tr ' ' ,)" -published 10 -automatic 3
	go run ./hack/fuzz -each 10m

# One after the other, as each run uses all processors. The words after the colon are more environment.
TOOLCHAINS = $(shell sed -e 's/\#.*//' hack/toolchains)
VARIANTS = $(TOOLCHAINS:%=RUSTUP_TOOLCHAIN=%) RUSTUP_TOOLCHAIN=1.99.1:CI=true \
	RUSTUP_TOOLCHAIN=beta:__CARGO_TEMPORARY_BUILD_DIR_NEW_LAYOUT_OPT_OUT=1 \
	RUSTUP_TOOLCHAIN=beta:RUSTC_BOOTSTRAP=1:CARGO_UNSTABLE_EMBED_METADATA=false

toolchains: ## all scripts and hazards with every version of Rust that is held to, and in other settings
	hack/setup
	go test -count=1 ./layers/cargo/fingerprint
	@set -e; for v in $(VARIANTS); do \
		export CARGO_COW_TEST_ENVIRON="$$(echo $$v | tr : ' ')"; echo "$$CARGO_COW_TEST_ENVIRON"; \
		go test -count=1 -timeout 60m -run 'TestScript|TestHazards|TestWorktree|TestVendored|TestPathsInHashes|TestNothingMore' ./cmd/cargo-cow ./cmd/cargo-cow/soundness; \
		go test -count=1 -timeout 60m -run 'TestFreshCheckout|TestVendored|TestGraft' ./cmd/cargo-cow/warehouse; \
	done

explain: ## workspaces on published crates: what explain says is what cargo rebuilds
	hack/setup
	CARGO_COW_TEST_WORKSPACES="web rpc data" go test -count=1 -timeout 60m -v -run TestExplainKeepsItsWord ./cmd/cargo-cow/soundness

N ?= 100
SEED ?= 1
AUTOMATIC ?= 3
differential: ## N random histories of made-up workspaces, from SEED on, each build against a clean one
	hack/setup
	go run ./hack/differential -n $(N) -seed $(SEED) -toolchains ",$(shell echo $(TOOLCHAINS) | tr ' ' ,)" -published 10 -automatic $(AUTOMATIC)

stale-table: ## N histories with cargo-cow and each other tool, as a table
	hack/setup
	go run ./hack/differential -table -n $(N) -seed $(SEED)

rules: ## each rule switched off: after how many histories it shows, at most N
	hack/setup
	go run ./hack/differential -rules -n $(N) -seed $(SEED)

fuzz: ## run every fuzzer for FUZZTIME (10s)
	go run ./hack/fuzz -each $(FUZZTIME)

bench: ## what the commands cost against cp, ioctls, cargo and bare programs, as tables
	hack/setup demo
	go run ./hack/bench

bench-rivals: ## the demo project with plain cargo, git-cow, kache, mbx, sccache and cargo-cow
	hack/setup demo
	go run ./hack/bench/rivals

bench-disk: ## five projects with common dependencies, and ten worktrees: bytes on the disk with each tool
	hack/setup demo
	go run ./hack/bench/disk

published: ## published projects in a clone and in worktrees, with the wrapper: what rustc compiles there
	hack/setup demo
	go run ./hack/published

macros: ## what reading decides of the macros that are used most, as a table for docs/soundness-macros.md
	go run ./hack/macros

demo: ## a real project, built once, warm in a new worktree
	hack/setup demo
	go run ./hack/demo

docs: build ## regenerate docs/cli from the commands
	rm -rf docs/cli
	bin/cargo-cow docs docs/cli

clean: ## remove bin/ and dist/
	rm -rf bin dist

$(STATICCHECK):
	GOBIN=$(CURDIR)/bin go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
	mv bin/staticcheck $@
