# Two commands matter to somebody new: make run, make test.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)

# Pinned, and run with go run so that their dependencies stay out of go.mod.
GOFUMPT      := mvdan.cc/gofumpt@v0.12.0
GOLANGCI     := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
LINT_TIMEOUT := 10m

# Longer than any package needs on two slow cores; a hanging test shows its goroutines all the same.
TEST_TIMEOUT  ?= 30m
BENCH_TIMEOUT ?= 60m
BENCH         ?= .
FUZZ          ?= .
CHAOS         ?=
FUZZ_TIME     ?= 30s
PKG           ?= ./...
# The race detector watches all but SQLite itself, which is C made into Go: with it tests take four times as long. Only
# this package may be left out: it makes nothing of generics, whose unwatched copies others would get to use.
RACE          := -race -gcflags=modernc.org/sqlite/lib=-race=false
ARGS          ?=
# The least share of mutants, in percent, that tests have to notice.
MUTATE_MIN    ?= 85

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run build test test-browser test-deps clients examples lint check bench fuzz mutate chaos cover fmt clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: build ## build, then try everything out in one process; nothing outside is called (ARGS="--interval 2s")
	./bin/worker --sandbox $(ARGS)

build: ## build the static programs into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X fahuo/internal/version.version=$(VERSION)" -o bin/ ./cmd/...

test: test-deps ## install what tests need, run every test with the race detector (PKG=./internal/ledger)
	$(GO) test $(RACE) -count=1 -timeout $(TEST_TIMEOUT) $(PKG)

test-browser: test-deps ## install Chromium and axe-core when missing, try the desk's pages in a real browser
	@./scripts/install-browser
	$(GO) test -tags browser -count=1 -timeout $(TEST_TIMEOUT) ./internal/desk/browsertest

clients: test-deps ## generate clients from the API's documents (oapi-codegen, openapi-typescript) and try them
	@./scripts/install-client-generators
	$(GO) test -tags clients -count=1 -timeout $(TEST_TIMEOUT) ./internal/api/clienttest

examples: test-deps ## run all examples against a real server, the Java one among them (installs a JDK when missing)
	@command -v javac >/dev/null 2>&1 || ./scripts/apt-install "the Java example" default-jdk-headless
	$(GO) test -tags java -count=1 -timeout $(TEST_TIMEOUT) ./examples

test-deps: ## install what tests need besides Go: redis-server, PostgreSQL, a C compiler, Node.js, PHP
	@GO="$(GO)" ./scripts/install-test-deps
	@./scripts/install-standardwebhooks

lint: ## check format and rules of the code
	@out=$$($(GO) run $(GOFUMPT) -l . ) || exit 1; \
	if [ -n "$$out" ]; then printf '%s\n' "Not formatted with gofumpt (make fmt mends it):" "$$out"; exit 1; fi
	$(GO) run $(GOLANGCI) run --timeout $(LINT_TIMEOUT) ./...

check: lint test test-browser ## all that has to pass before a change goes in

bench: test-deps ## run the benchmarks, one package after the other; some take minutes (BENCH=Gap)
	@dirs=$$(grep -rlE '^func Benchmark' --include='*_test.go' . | xargs -r -n1 dirname | sort -u); \
	if [ -z "$$dirs" ]; then echo "no benchmarks"; exit 1; fi; \
	set -x; $(GO) test -p 1 -run '^$$' -bench '$(BENCH)' -benchmem -timeout $(BENCH_TIMEOUT) $$dirs

# The figures that docs/guarantees.md tells of: 15 minutes of faults over each ledger, then 10 minutes at the
# real interval, then a ledger that is away for 5 minutes.
chaos: test-deps ## let everything go wrong, over each ledger, and check the records; an hour (CHAOS="-chaos.seed=7")
	$(GO) test ./internal/chaos -count=1 -v -timeout 30m -run TestChaos -args -chaos.ledger=sqlite -chaos.span=15m -chaos.shipments=11000 $(CHAOS)
	$(GO) test ./internal/chaos -count=1 -v -timeout 30m -run TestChaos -args -chaos.ledger=postgres -chaos.span=15m -chaos.shipments=11000 $(CHAOS)
	$(GO) test ./internal/chaos -count=1 -v -timeout 30m -run TestPaceUnderKills -args -pace.span=10m -pace.interval=10s -pace.accounts=60 -pace.kills=30 -pace.mean=10050ms
	$(GO) test ./internal/chaos -count=1 -v -timeout 30m -run TestOverload -args -overload.mountain=200000 -overload.for=130s
	$(GO) test ./cmd/worker -count=1 -v -timeout 30m -run 'TestLedgerAway|TestRecovery|TestAWiped' -args -away.for=5m -recovery.strict

fuzz: ## run the fuzz targets, one after the other, FUZZ_TIME each (FUZZ=FuzzOpen FUZZ_TIME=5m)
	@targets=$$(grep -roE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | grep -E '$(FUZZ)' | sort); \
	if [ -z "$$targets" ]; then echo "no fuzz targets"; exit 1; fi; \
	echo "$$targets" | while IFS=: read -r file func; do \
		(set -x; $(GO) test -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 5x -parallel 1 "$$(dirname "$$file")") || exit 1; \
	done

cover: test-deps ## test coverage, by function and as .cache/cover.html
	@mkdir -p .cache
	$(GO) test -count=1 -timeout $(TEST_TIMEOUT) -coverpkg=./... -coverprofile=.cache/cover.out $(PKG)
	$(GO) tool cover -html=.cache/cover.out -o .cache/cover.html
	$(GO) tool cover -func=.cache/cover.out

mutate: ## break what decides, operator by operator, and see whether its tests notice; some minutes (MUTATE_MIN=85)
	@GO="$(GO)" MUTATE_MIN="$(MUTATE_MIN)" ./scripts/mutate

fmt: ## format the code
	$(GO) run $(GOFUMPT) -w .
	$(GO) run $(GOLANGCI) fmt ./...

clean: ## remove what was built; sandbox and ledgers stay
	rm -rf bin .cache
