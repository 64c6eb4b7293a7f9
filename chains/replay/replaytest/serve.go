// Package replaytest opens and serves recordings for tests.
package replaytest

import (
	"context"
	"io/fs"
	"testing"

	"github.com/imart/event-worker/chains/replay"
)

// Open opens the recording of a folder.
func Open(t testing.TB, folder fs.FS) *replay.Recording {
	t.Helper()
	recording, err := replay.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	return recording
}

// Serve serves a recording on a free loopback port until the end of the test.
func Serve(t testing.TB, recording *replay.Recording) *replay.Node {
	t.Helper()
	return ServeAt(t, "127.0.0.1:0", recording)
}

// ServeAt serves a recording at an address, host:port, until the end of the test.
func ServeAt(t testing.TB, address string, recording *replay.Recording) *replay.Node {
	t.Helper()
	node, err := replay.Serve(context.Background(), address, recording)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return node
}
