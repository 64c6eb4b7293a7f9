# The event worker alone, static, run by a user without rights:
#   docker build --build-arg VERSION=1.2.3 -t event-worker .
FROM golang:1.26-bookworm AS build
ARG GOPROXY
ARG GOSUMDB
ARG GOFLAGS
ENV CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION
RUN mkdir /logs
RUN go build -trimpath -ldflags "-s -w -X github.com/imart/event-worker/commands.stamped=$VERSION" -o /event-worker .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /event-worker /usr/local/bin/event-worker
COPY --from=build --chown=65532:65532 /logs /var/log/event-worker
ENTRYPOINT ["event-worker"]
