package main

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/chaos/history"
	"github.com/imart/event-worker/markets"
)

// tally counts the events of streams along branches. It caches the count at each block.
type tally struct {
	models map[string]model // by chain
	known  map[string]history.Count
}

func newTally(models []model) *tally {
	t := &tally{map[string]model{}, map[string]history.Count{}}
	for _, m := range models {
		t.models[m.chain.name] = m
	}
	return t
}

// count is history.Counts.
func (t *tally) count(chain, stream, hash string) (history.Count, bool) {
	m, ok := t.models[chain]
	if stream == markets.StateStream { // it has no events: the nodes answer no calls
		return history.Count{}, ok && (hash == "" || m.chain.byHash(common.HexToHash(hash)) != nil)
	}
	i := slices.IndexFunc(m.market.Streams, func(s markets.Stream) bool { return s.Name == stream })
	if !ok || i < 0 {
		return history.Count{}, false
	}
	if hash == "" { // the stream's start
		return history.Count{}, true
	}
	b := m.chain.byHash(common.HexToHash(hash))
	if b == nil {
		return history.Count{}, false
	}
	var path []*block // down to the nearest block with a cached count
	key := func(b *block) string { return stream + " " + b.hash.Hex() }
	var n history.Count
	for ; b != nil; b = b.parent {
		if c, known := t.known[key(b)]; known {
			n = c
			break
		}
		path = append(path, b)
	}
	for _, b := range slices.Backward(path) {
		s := m.market.Streams[i]
		events, failures := s.DecodeAll(rawsOf(s.Source, []*block{b}))
		n.Events += int64(len(events))
		n.DeadLetters += int64(len(failures))
		t.known[key(b)] = n
	}
	return n, true
}
