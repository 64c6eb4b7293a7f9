.PHONY: build test race compose-test bench lint ci

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.6.1

build:
	go build -trimpath -o event-worker .

test:
	go test ./...
	@command -v mongod >/dev/null || [ -n "$$EVENT_WORKER_TEST_MONGODB_URI" ] || \
		echo "MongoDB was not tested: put mongod, 6.0 or later, on PATH or a replica set's URI in EVENT_WORKER_TEST_MONGODB_URI"

race:
	go test -race ./...

# docker-compose.yml in a Docker Engine: containers killed, paused, cut off. Minutes.
compose-test:
	EVENT_WORKER_TEST_COMPOSE=1 go test -count=1 -v -timeout 20m ./deploy

# 120,000 events through the whole pipeline, beside its parts alone; on MongoDB if
# MONGODB_URI is set.
bench:
	go run ./internal/bench

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run $(STATICCHECK) ./...

ci:
	.ci/run
