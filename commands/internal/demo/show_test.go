package demo

import (
	"os"
	"testing"

	"github.com/imart/event-worker/chains/replay/replaytest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// The head reaches a stream's log even if the stream's documents are behind it: otherwise the
// demo would never catch up.
func TestTheHeadReachesTheLog(t *testing.T) {
	node := replaytest.Serve(t, replaytest.Open(t, os.DirFS("../../../testdata/recordings/ethereum")))
	first := node.Head()
	log := persistence.Actor{Chain: "ethereum", Market: "seaport", Stream: "buy", Kind: "observer", Place: markets.Place{Seq: first, Through: node.End()}}
	documents := log
	documents.Documents, documents.Place = true, markets.Place{Seq: first}
	tree := progress.Of([]persistence.Actor{log, documents})
	if reach(tree, "aptos", node); node.Head() != first {
		t.Errorf("another chain's log moves the head to %d", node.Head())
	}
	if reach(tree, "ethereum", node); node.Head() != node.End() {
		t.Errorf("head at %d of %d", node.Head(), node.End())
	}
}
