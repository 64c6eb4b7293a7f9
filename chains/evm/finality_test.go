package evm

import (
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/markets"
)

// A final block above the head is another back end's: finality stays where it was, or is what
// the confirmations say where nothing is known yet.
func TestAFinalBlockAboveTheHeadIsNotBelieved(t *testing.T) {
	cfg := Config{Confirmations: 64, MaxUnfinal: 1000}
	head := eth.Header{Number: 100, Hash: "0xaa"}
	known := &chains.View{Head: markets.Place{Seq: 90}, Final: markets.Place{Seq: 60}}
	for finalized, want := range map[int64]int64{80: 80, 100: 100, 101: 60} {
		got, err := new(finalityTag).block(cfg, head, eth.Header{Number: finalized, Hash: "0xbb"}, nil, known)
		if err != nil || got.Number != want {
			t.Errorf("final block %d: %d, %v, want %d", finalized, got.Number, err, want)
		}
	}
	if got, err := new(finalityTag).block(cfg, head, eth.Header{Number: 101, Hash: "0xbb"}, nil, nil); err != nil || got.Number != 36 {
		t.Errorf("of an unknown chain: %d, %v, want 36", got.Number, err)
	}
}
