package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
)

// probed is a chain whose first look takes a time and ends with an error, or at a head.
type probed struct {
	chains.Chain
	head  int64
	err   error
	takes time.Duration
}

func (c probed) Advance(ctx context.Context, _ *chains.View) (*chains.View, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(c.takes):
		return chains.NewLedger(c.head), c.err
	}
}

// Some chains do not answer, fail, or serve other chains.
func TestProbe(t *testing.T) {
	wrong, away := chains.ErrWrongChain, errors.New("away")
	for name, test := range map[string]struct {
		chains map[string]probed
		once   bool
		fails  bool
		after  time.Duration
		warned string // of which chains, after all
	}{
		"well":                  {map[string]probed{"a": {}, "b": {}}, false, false, 0, ""},
		"one away":              {map[string]probed{"a": {}, "b": {err: away}}, false, false, 0, "b"},
		"one serves another":    {map[string]probed{"a": {}, "b": {err: wrong}}, false, false, 0, "b"},
		"all away":              {map[string]probed{"a": {err: away}, "b": {err: away}}, false, false, 0, "a b"},
		"all serve others":      {map[string]probed{"a": {err: wrong}, "b": {err: wrong}}, false, true, 0, ""},
		"another and away":      {map[string]probed{"a": {err: wrong}, "b": {err: away}}, false, false, 0, "a b"},
		"one hangs":             {map[string]probed{"a": {}, "b": {takes: time.Hour}}, false, false, 0, "b"},
		"all hang":              {map[string]probed{"a": {takes: time.Hour}, "b": {takes: time.Hour}}, false, false, patience, "a b"},
		"another and hangs":     {map[string]probed{"a": {err: wrong}, "b": {takes: time.Hour}}, false, false, patience, "a b"},
		"once":                  {map[string]probed{"a": {}, "b": {takes: 2 * patience}}, true, false, 2 * patience, ""},
		"once, one away":        {map[string]probed{"a": {}, "b": {err: away}}, true, true, 0, ""},
		"once, one hangs":       {map[string]probed{"a": {}, "b": {takes: time.Hour}}, true, true, probeTimeout, ""},
		"above the chain's end": {map[string]probed{"a": {head: 98}}, false, false, 0, "a"},
		"at the chain's end":    {map[string]probed{"a": {head: 99}}, false, false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var cfg config.Config
				var sources []actors.Chain
				for _, name := range []string{"a", "b"} {
					if c, ok := test.chains[name]; ok {
						market := config.Market{Market: markets.Market{Name: "m", Streams: []markets.Stream{{Name: "s"}}}, Starts: map[string]config.Start{"s": {N: 99}}}
						if c.head == 0 {
							market.Starts["s"] = config.Start{}
						}
						cfg.Chains = append(cfg.Chains, config.Chain{Name: name, Markets: []config.Market{market}})
						sources = append(sources, actors.Chain{Name: name, Chain: c})
					}
				}
				var out lockedText
				p := newProbe(cfg, sources, slog.New(slog.NewTextHandler(&out, nil)))
				began := time.Now()
				err := p.look(t.Context(), test.once)
				if took := time.Since(began); (err != nil) != test.fails || took != test.after {
					t.Errorf("after %s: %v", took, err)
				}
				time.Sleep(2 * probeTimeout)
				p.stop()
				for _, name := range []string{"a", "b"} {
					if n, want := strings.Count(out.String(), "level=WARN")*strings.Count(out.String(), " chain="+name+" "), strings.Contains(test.warned, name); (n > 0) != want {
						t.Errorf("warned of %s %v, want %v:\n%s", name, n > 0, want, out.String())
					}
				}
			})
		})
	}
}

// lockedText is a buffer for concurrent writers.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*lockedText)(nil)

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
