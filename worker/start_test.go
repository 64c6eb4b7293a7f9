package worker

import (
	"context"
	"errors"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
)

// begun is a chain that tells where to begin.
type begun struct {
	probed
	asked *int
}

func (c begun) Deployment(_ context.Context, addresses []string) (int64, error) {
	if *c.asked++; *c.asked == 1 {
		return 0, errors.New("away")
	}
	return int64(100 * len(addresses)), nil
}

func (c begun) Since(_ context.Context, source markets.Source, version int64) (markets.Place, error) {
	return markets.Place{Seq: int64(len(source.Handle)), Through: version - 1}, nil
}

// TestStarts finds the starts of streams that are not fixed.
func TestStarts(t *testing.T) {
	asked := 0
	m := config.Market{
		Market: markets.Market{Name: "m", Streams: []markets.Stream{
			{Name: "fixed"}, {Name: "latest"}, {Name: "latest-handle", Source: markets.Source{Handle: "four"}},
			{Name: "version", Source: markets.Source{Handle: "four"}}, {Name: "deployment", Source: markets.Source{Addresses: []string{"a", "b"}}},
			{Name: "also-deployment", Source: markets.Source{Addresses: []string{"b"}}},
		}},
		Starts: map[string]config.Start{
			"fixed": {N: 8}, "latest": {Kind: config.AtLatest}, "latest-handle": {Kind: config.AtLatest},
			"version": {Kind: config.AtVersion, N: 30}, "deployment": {Kind: config.AtDeployment}, "also-deployment": {Kind: config.AtDeployment},
		},
	}
	var chain chains.Chain = begun{probed{head: 50}, &asked}
	market := marketOn(m, chain)
	if market.Find("fixed") != nil || market.Start("fixed") != (markets.Place{Seq: 7}) {
		t.Error("a fixed start is looked for")
	}
	if _, err := market.Find("deployment")(t.Context()); err == nil {
		t.Error("no error of an endpoint that is away")
	}
	for stream, want := range map[string]markets.Place{
		"latest": {Seq: 49}, "latest-handle": {Seq: 4, Through: 49}, "version": {Seq: 4, Through: 29}, "deployment": {Seq: 199}, "also-deployment": {Seq: 199},
	} {
		if got, err := market.Find(stream)(t.Context()); err != nil || got != want {
			t.Errorf("%s begins at %+v, %v, want %+v", stream, got, err, want)
		}
	}
	if asked != 2 {
		t.Errorf("the deployment is looked for %d times, want twice: it failed once", asked)
	}
	for head, want := range map[int64]int64{0: -1, 1: -1, 2: 1} {
		if got, err := latest(t.Context(), probed{head: head}, markets.Source{}); err != nil || got != (markets.Place{Seq: want}) {
			t.Errorf("at head %d the latest is %+v, %v, want %d", head, got, err, want)
		}
	}
	if _, err := marketOn(m, probed{}).Find("deployment")(t.Context()); err == nil {
		t.Error("a chain without deployments has one")
	}
}
