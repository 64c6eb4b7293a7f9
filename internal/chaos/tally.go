package main

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/chaos/history"
	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/markets"
)

// tally counts the events of streams along branches. It caches the count at each block.
type tally struct {
	models map[string]devnet.Model // by chain
	known  map[string]history.Count
}

func newTally(models []devnet.Model) *tally {
	t := &tally{map[string]devnet.Model{}, map[string]history.Count{}}
	for _, m := range models {
		t.models[m.Chain.Name] = m
	}
	return t
}

// count is history.Counts.
func (t *tally) count(chain, stream, hash string) (history.Count, bool) {
	m, ok := t.models[chain]
	if stream == markets.StateStream { // it has no events: the nodes answer no calls
		return history.Count{}, ok && (hash == "" || m.Chain.ByHash(common.HexToHash(hash)) != nil)
	}
	i := slices.IndexFunc(m.Market.Streams, func(s markets.Stream) bool { return s.Name == stream })
	if !ok || i < 0 {
		return history.Count{}, false
	}
	if hash == "" { // the stream's start
		return history.Count{}, true
	}
	b := m.Chain.ByHash(common.HexToHash(hash))
	if b == nil {
		return history.Count{}, false
	}
	var path []*devnet.Block // down to the nearest block with a cached count
	key := func(b *devnet.Block) string { return stream + " " + b.Hash.Hex() }
	var n history.Count
	for ; b != nil; b = b.Parent {
		if c, known := t.known[key(b)]; known {
			n = c
			break
		}
		path = append(path, b)
	}
	for _, b := range slices.Backward(path) {
		s := m.Market.Streams[i]
		events, failures := s.DecodeAll(devnet.RawsOf(s.Source, []*devnet.Block{b}))
		n.Events += int64(len(events))
		n.DeadLetters += int64(len(failures))
		t.known[key(b)] = n
	}
	return n, true
}
