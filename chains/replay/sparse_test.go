package replay_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
)

func TestSparseHasOneEventInEachStretch(t *testing.T) {
	const blocks, stretch, steps = 1000, 100, 3
	n := replaytest.Serve(t, replay.Sparse(blocks, stretch, steps))
	if n.Head() != blocks-steps || n.End() != blocks {
		t.Errorf("head at %d of %d", n.Head(), n.End())
	}
	n.Finish()
	client := dial(t, n)
	for first := int64(1); first < blocks; first += stretch {
		logs, err := client.FilterLogs(t.Context(), ethereum.FilterQuery{FromBlock: big.NewInt(first), ToBlock: big.NewInt(first + stretch - 1)})
		if err != nil {
			t.Fatal(err)
		}
		if len(logs) != 1 {
			t.Errorf("%d events from block %d on", len(logs), first)
		}
	}
}
