package commands

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAnEndpointThatFailsHoldsUpItsOwnChainOnly runs a chain beside one without endpoint.
func TestAnEndpointThatFailsHoldsUpItsOwnChainOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
	more := "  away:\n    kind: evm\n    chainId: 1\n    endpoint: " + unreachable(t) + "\n    markets:\n      seaport: {start: latest}\n"
	appendTo(t, file, more)
	p := launch(t, dir, "run")
	p.says("chain away is waiting for its endpoint")
	p.says("chain acquired")
	data := filepath.Join(dir, "data")
	eventually(t, "the other chain is read", func() bool {
		return len(find(t, data, "actors", `{chain: "ethereum", kind: "subject", seq: 18270780}`)) == 5
	})
	eventually(t, "the one's streams say what they wait for", func() bool {
		return len(find(t, data, "actors", `{chain: "away", kind: "worker", state: "retrying", lastError: {$exists: true}}`)) == 5
	})
	if n := len(find(t, data, "actors", `{chain: "away", kind: {$in: ["subject", "observer"]}}`)); n != 0 {
		t.Errorf("%d actors have begun somewhere", n)
	}
	p.ends(syscall.SIGTERM)
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(before, text...), 0o600); err != nil {
		t.Fatal(err)
	}
}
