#!/usr/bin/env bash
# Builds a release twice, in two clones with different paths, the second time with an empty
# build cache, and compares every byte. Minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [[ -n $(git status --porcelain) ]]; then
	echo "the repository has uncommitted changes: commit or stash them" >&2
	exit 1
fi
work=$(mktemp -d)
cleanup() {
	chmod -R u+w "$work"
	rm -rf "$work"
}
trap cleanup EXIT

version=${VERSION:-v0.0.0-check}
git clone --quiet . "$work/first"
git clone --quiet . "$work/a folder/of another name"
make -C "$work/first" --no-print-directory release VERSION="$version" ONLY="${ONLY:-}"
GOCACHE=$work/cache TZ=Asia/Tokyo make -C "$work/a folder/of another name" --no-print-directory release VERSION="$version" ONLY="${ONLY:-}"
diff --recursive --brief "$work/first/dist" "$work/a folder/of another name/dist"
(cd "$work/first/dist" && sha256sum --check --quiet SHA256SUMS && cat SHA256SUMS)

# The program for this machine must print its version and commit.
platform=$(go env GOOS)_$(go env GOARCH)
if [[ ! -e $work/first/dist/event-worker_${version}_$platform.tar.gz ]]; then
	echo equal
	exit
fi
tar --extract --gzip --file "$work/first/dist/event-worker_${version}_$platform.tar.gz" --directory "$work"
said=$("$work/event-worker_${version}_$platform/event-worker" version)
echo "$said"
[[ $said == "event-worker $version, commit $(git rev-parse HEAD), "* ]]
echo "equal"
