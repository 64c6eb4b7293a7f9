package aptos

import (
	"errors"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

func TestAdvanceFollowsTheLedgerForwardOnly(t *testing.T) {
	l := startLedger(t)
	l.top = 5
	first, err := l.chain.Advance(t.Context(), nil)
	if err != nil || first.Head.Seq != 5 || first.Final != first.Head {
		t.Fatalf("view %+v, %v", first, err)
	}
	for _, top := range []int64{5, 4} {
		l.set(func() { l.top = top })
		if same, err := l.chain.Advance(t.Context(), first); same != first || err != nil {
			t.Errorf("at version %d: view %+v, %v", top, same, err)
		}
	}
	l.set(func() { l.top = 6 })
	if next, err := l.chain.Advance(t.Context(), first); err != nil || next.Head.Seq != 6 {
		t.Errorf("view %+v, %v", next, err)
	}
}

func TestAnotherChainIsRefusedByEveryRequest(t *testing.T) {
	l := startLedger(t)
	chain, err := New(Config{URL: l.url + "/v1/", ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	_, advanced := chain.Advance(t.Context(), nil)
	_, read := chain.Read(t.Context(), chains.NewLedger(0), source("list"), markets.Place{Seq: -1}, -1, 1)
	for _, err := range []error{advanced, read} {
		if !errors.Is(err, chains.ErrWrongChain) || !strings.Contains(err.Error(), "chain id is 7, the configured one 1") {
			t.Errorf("error %v", err)
		}
	}
}

func TestAncestor(t *testing.T) {
	l := startLedger(t)
	view := chains.NewLedger(10)
	trail := markets.Trail{{Seq: -1}, {Seq: 300, Through: 4}, {Seq: 500, Through: 10}}
	if place, ok, err := l.chain.Ancestor(t.Context(), view, trail, -1); place != trail[2] || !ok || err != nil {
		t.Errorf("%+v, %v, %v", place, ok, err)
	}
	if _, _, err := l.chain.Ancestor(t.Context(), view, append(trail, markets.Place{Seq: 501, Through: 11}), -1); !errors.Is(err, chains.ErrAhead) {
		t.Errorf("error %v, want %v", err, chains.ErrAhead)
	}
	if _, ok, err := l.chain.Ancestor(t.Context(), view, nil, -1); ok || err != nil {
		t.Errorf("an empty trail: %v, %v", ok, err)
	}
}
