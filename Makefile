.PHONY: build test test-all skipped race fuzz compose-test failpoints simulate bench pictures lint size ci licences release release-check

CORE = ^(messages|actors|cluster)/|^markets/[^/]*$$|^chains/([^/]*|(evm|aptos|internal)/.*)$$|^persistence/([^/]*|mongo/.*)$$
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.6.1

build:
	go build -trimpath -buildvcs=auto -o event-worker .

# The quick tests, and all tests. Both report at their end the tests that were skipped because
# a server or a tool is missing.
test:
	go test ./...
	@$(MAKE) --no-print-directory skipped
	@echo "not included: thorough tests (make test-all)"

test-all:
	EVENT_WORKER_TEST_THOROUGH=1 go test -timeout 30m ./...
	@$(MAKE) --no-print-directory skipped

skipped:
	@command -v mongod >/dev/null || [ -n "$$EVENT_WORKER_TEST_MONGODB_URI" ] || \
		echo "skipped: tests on MongoDB. Put mongod, 6.0 or later, on PATH, or a replica set's URI in EVENT_WORKER_TEST_MONGODB_URI"
	@command -v npm >/dev/null && command -v node >/dev/null || \
		echo "skipped: tests with Prisma's parser, Aptos's SDK, Foundry's anvil and MongoDB's driver for Node. Put npm and node, 20 or later, on PATH"
	@command -v prometheus >/dev/null && command -v promtool >/dev/null || \
		echo "skipped: tests of the alerts and the dashboard. apt-get install prometheus"
	@command -v kubernetes-validate >/dev/null || \
		echo "skipped: tests of the Kubernetes manifest. pip install kubernetes-validate==1.37.0"
	@command -v systemd-analyze >/dev/null || \
		echo "skipped: tests of the systemd unit. Put systemd-analyze on PATH"
	@command -v mongosh >/dev/null || \
		echo "skipped: tests of the documented queries in MongoDB's shell. npm install --global mongosh"
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		echo "skipped: tests of the page in a real browser. Put chromium or google-chrome on PATH"
	@echo "not included: docker-compose.yml in Docker (make compose-test)"

race:
	go test -race -short -timeout 30m ./...

# Runs every fuzz target for FUZZTIME, in turns: make fuzz FUZZTIME=1h FUZZREPORT=fuzz.tsv continues
# what fuzz.tsv says was executed.
FUZZTIME = 3s
fuzz:
	go run ./internal/fuzz -time $(FUZZTIME) -report "$(FUZZREPORT)"

# Tests docker-compose.yml in a Docker Engine: containers killed, paused, cut off. Minutes.
compose-test:
	EVENT_WORKER_TEST_COMPOSE=1 go test -count=1 -v -timeout 20m ./deploy

# Kills workers at named points, in RUNS runs with the seeds from SEED on.
RUNS = 1000
failpoints: SEED = 0
failpoints:
	EVENT_WORKER_TEST_FAILPOINTS=$(RUNS) EVENT_WORKER_TEST_SEED=$(SEED) go test -count=1 -timeout 0 -v -run TestKills ./internal/crashes

# Runs clusters in simulated time, one seed after the other, for as long as FOR says: a process on
# each of CORES cores, the first from SEED on, the next from SEED+1000000 on. The first build takes
# some minutes: it compiles Go's runtime, too.
FOR ?= 10m
SEED ?= 0
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
simulate:
	dir=$$(mktemp -d) && trap 'rm -r "$$dir"' EXIT && \
	go test -c -o "$$dir/simulation" -tags deterministic -overlay "$$(go run ./internal/simulation/overlay)" ./internal/simulation && \
	cd internal/simulation && seq $(SEED) 1000000 $$(($(SEED) + ($(CORES) - 1) * 1000000)) | \
	xargs -P $(CORES) -I {} env GODEBUG=asyncpreemptoff=1 EVENT_WORKER_TEST_SIMULATION=$(FOR) EVENT_WORKER_TEST_SEED={} \
		"$$dir/simulation" -test.v

# Measures 120,000 events through the whole pipeline and through its parts; on MongoDB if
# MONGODB_URI is set.
bench:
	go run ./internal/bench

# Takes the pictures of the page for docs/page.md, in Chromium. A minute and a half.
pictures:
	go test -count=1 ./api/page -run TestPictures -pictures $(CURDIR)/docs/pictures

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run $(STATICCHECK) ./...

# Lines of Go, comments and blanks included, without tests and generated code: all that the
# program links, and its core.
size:
	@go list -deps -f '{{if .Module}}{{if .Module.Main}}{{$$d := .Dir}}{{range .GoFiles}}{{$$d}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}' . | \
		grep . | xargs grep -L '^// Code generated' | awk -v root="$(CURDIR)/" ' \
		{ file = substr($$0, length(root) + 1); lines = 0; while ((getline line < $$0) > 0) lines++; \
		  linked += lines; if (file ~ "$(CORE)") core += lines; \
		  if (lines > 400) print file " has " lines " lines" } \
		END { print "linked " linked; print "core   " core }'

ci:
	.ci/run

# Builds static binaries, images, SBOMs and checksums in dist/, reproducibly:
# make release VERSION=v1.2.3; ONLY=linux_amd64 restricts it to that platform.
release:
	go -C deploy/release run . -version "$(VERSION)" -only "$(ONLY)"

# Writes THIRD-PARTY-LICENSES.txt; fails on a licence that is unknown or not allowed.
licences:
	go -C deploy/release run . -licences

# Builds a release, or ONLY one platform of it, twice and compares the results. Minutes.
release-check:
	deploy/release/check.sh
