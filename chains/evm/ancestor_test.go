package evm

import (
	"errors"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

func TestAncestor(t *testing.T) {
	g := startGeth(t)
	p := startProxy(t, g.url)
	chain := open(t, p.url)
	g.mineBlocks(70)
	old := g.places(70)
	g.fork(30)
	g.mineBlocks(45)
	now := g.places(75)
	view := advance(t, chain, nil, true) // finality at 64
	start := markets.Place{Seq: -1}

	tests := map[string]struct {
		trail markets.Trail
		want  markets.Place
		ok    bool
		err   error
		calls int
	}{
		"in the view":             {markets.Trail{start, now[66], now[70]}, now[70], true, nil, 0},
		"off the view":            {markets.Trail{now[66], old[68]}, now[66], true, nil, 0},
		"final":                   {markets.Trail{start, now[31], now[50]}, now[50], true, nil, 1},
		"off, final below":        {markets.Trail{now[40], now[50], old[66], old[68]}, now[50], true, nil, 1},
		"deeper than finality":    {markets.Trail{start, now[20], now[30], old[31], old[40], old[68]}, now[30], true, nil, 4},
		"down to the start":       {markets.Trail{start, old[31], old[40]}, start, true, nil, 2},
		"not even the oldest":     {markets.Trail{old[31], old[40], old[70]}, markets.Place{}, false, nil, 2},
		"empty":                   {nil, markets.Place{}, false, nil, 0},
		"the start alone":         {markets.Trail{start}, start, true, nil, 0},
		"ahead":                   {markets.Trail{now[50], {Seq: 76, Hash: "0x"}}, markets.Place{}, false, chains.ErrAhead, 0},
		"another view's finality": {markets.Trail{now[64]}, now[64], true, nil, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p.counted()
			got, ok, err := chain.Ancestor(t.Context(), view, test.trail, -1)
			if got != test.want || ok != test.ok || !errors.Is(err, test.err) {
				t.Errorf("%+v, %v, %v; want %+v, %v, %v", got, ok, err, test.want, test.ok, test.err)
			}
			if n := p.counted()["eth_getBlockByNumber"]; n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
		})
	}
}

// A node that lacks a final block is not where the view is.
func TestAncestorOfALaggingNodeIsAhead(t *testing.T) {
	g := startGeth(t)
	chain := open(t, g.url)
	g.mineBlocks(10)
	view := chains.NewView(20, []string{g.places(10)[10].Hash})
	_, _, err := chain.Ancestor(t.Context(), view, markets.Trail{{Seq: 15, Hash: view.Head.Hash}}, -1)
	if !errors.Is(err, chains.ErrAhead) {
		t.Errorf("error %v", err)
	}
}
