# The event worker alone, static, run by a user without rights:
#   docker build --build-arg VERSION=v1.2.3 --build-arg COMMIT="$(git rev-parse HEAD)" \
#     --build-arg DATE="$(git log -1 --format=%cI)" -t event-worker .
#
# make release builds an image without Docker, byte for byte the same from any clone. This one
# is not: its base images and the times of its files change.
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
ARG COMMIT
ARG DATE
RUN mkdir /logs
RUN commands=github.com/imart/event-worker/commands && go build -trimpath -o /event-worker \
    -ldflags "-s -w -X $commands.stamped=$VERSION -X $commands.stampedCommit=$COMMIT -X $commands.stampedDate=$DATE" .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /event-worker /usr/local/bin/event-worker
COPY LICENSE NOTICE THIRD-PARTY-LICENSES.txt /usr/share/doc/event-worker/
COPY --from=build --chown=65532:65532 /logs /var/log/event-worker
ENTRYPOINT ["event-worker"]
