package seaport

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// Decoders that make something else of the recorded logs have a new version: documents that
// were made before are told from those of today only by it.
func TestOtherEventsHaveAnotherVersion(t *testing.T) {
	const file = "testdata/decoded"
	var now strings.Builder
	fmt.Fprintf(&now, "version %d\n", Version)
	for _, b := range recordedBlocks(t) {
		h := sha256.New()
		for _, s := range streams("ETH") {
			events, failures := s.DecodeAll(b.raws(s))
			text, err := json.Marshal(events)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(h, s.Name, string(text))
			for _, f := range failures {
				fmt.Fprintln(h, f.Raw.Position, f.Reason)
			}
		}
		fmt.Fprintf(&now, "%d %x\n", b.Number, h.Sum(nil)[:8])
	}
	recorded, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(recorded) == now.String() {
		return
	}
	if strings.HasPrefix(string(recorded), fmt.Sprintf("version %d\n", Version)) && changed(string(recorded), now.String()) {
		t.Fatalf("the decoders make other events of recorded logs: raise Version, and update %s", file)
	}
	t.Errorf("update %s, which should be\n%s", file, now.String())
}

// changed says whether a block of both lists has other events.
func changed(before, now string) bool {
	known := map[string]string{}
	for line := range strings.Lines(before) {
		block, digest, _ := strings.Cut(line, " ")
		known[block] = digest
	}
	for line := range strings.Lines(now) {
		block, digest, _ := strings.Cut(line, " ")
		if before, ok := known[block]; ok && before != digest {
			return true
		}
	}
	return false
}
