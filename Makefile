.PHONY: build test race bench lint ci

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.6.1

build:
	go build -trimpath -o event-worker .

test:
	go test ./...

race:
	go test -race ./...

# 120,000 events through the whole pipeline, beside its parts alone.
bench:
	go run ./bench

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run $(STATICCHECK) ./...

ci:
	.ci/run
