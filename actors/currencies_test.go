package actors

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/actors/currencies"
	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// fickle is a chain whose tokens never say the same twice, and which often fails.
type fickle struct {
	chains.Chain
	mu    sync.Mutex
	r     *rand.Rand
	calls int64
}

func (c *fickle) Call(_ context.Context, _ markets.Place, calls []chains.ContractCall) ([]chains.CallResult, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.r.IntN(3) == 0 {
		return nil, errors.New("the node fails")
	}
	results := make([]chains.CallResult, len(calls))
	for i := range results {
		c.calls++
		switch {
		case c.r.IntN(8) == 0:
			results[i].Err = chains.ErrReverted
		case calls[i].Data[0] == 0x31: // decimals
			results[i].Data = common.BigToHash(big.NewInt(c.calls % 20)).Bytes()
		default:
			word := common.RightPadBytes([]byte(fmt.Sprint("T", c.calls)), 32)
			results[i].Data = word
		}
	}
	return results, nil
}

func (c *fickle) LogsAt(context.Context, markets.Place, []string) ([]markets.Raw, error) {
	return nil, errors.New("not here")
}

// forgetful is a store whose answers are lost now and then.
type forgetful struct {
	persistence.Store
	fails func() bool
}

func (s forgetful) AddCurrencies(ctx context.Context, added []persistence.KnownCurrency) ([]persistence.KnownCurrency, error) {
	if s.fails() {
		return nil, errors.New("nothing was written")
	}
	stored, err := s.Store.AddCurrencies(ctx, added)
	if s.fails() {
		return nil, errors.New("the answer is lost")
	}
	return stored, err
}

// tokenOf is the address of a token.
func tokenOf(i int) string { return common.BigToAddress(big.NewInt(int64(i + 1))).Hex() }

// setCurrencies gives an event currencies of which only the address is known.
func (w *world) setCurrencies(e *markets.Event) {
	const tokens = 12
	one := func() markets.Currency { return markets.Currency{Address: tokenOf(w.r.IntN(tokens))} }
	e.Transaction = "" // retried dead letters are completed only with what was stored before
	e.Currency = one()
	if w.r.IntN(2) == 0 {
		e.Prices = []markets.Money{{Amount: "1", Currency: one()}, {Amount: "2", Currency: one()}}
		e.Fees = []markets.Payment{{Receiver: "a", Money: markets.Money{Amount: "1", Currency: one()}}}
		e.Royalties = []markets.Payment{{Receiver: "b", Money: markets.Money{Amount: "1", Currency: one()}}}
	}
}

// completeStored completes events with what is stored.
func (w *world) completeStored(events []markets.Event) {
	w.t.Helper()
	if err := currencies.New("chain", markets.EVM, nil, w.disk).Complete(context.Background(), nil, events); err != nil {
		w.t.Fatal(err)
	}
}

// For any answers of tokens, and despite failures, the log, the orders and the
// notifications all have the stored currency. Two processes ask concurrently.
func TestAllObserversSeeTheSameCurrencies(t *testing.T) {
	t.Parallel()
	for seed := range uint64(max(1, histories()/4)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed, int64(seed%4))
			chain := &fickle{Chain: w.chain, r: rand.New(rand.NewPCG(seed, 3))}
			fails := func() bool {
				chain.mu.Lock()
				defer chain.mu.Unlock()
				return chain.r.IntN(3) == 0
			}
			w.completer = func() func(context.Context, *chains.View, []markets.Event) error {
				one := currencies.New("chain", markets.EVM, chain, forgetful{w.disk, fails})
				other := currencies.New("chain", markets.EVM, chain, forgetful{w.disk, fails})
				return func(ctx context.Context, view *chains.View, events []markets.Event) error {
					go other.Complete(context.WithoutCancel(ctx), view, copied(events))
					return one.Complete(ctx, view, events)
				}
			}
			if err := errors.Join(w.live(60), w.check()); err != nil {
				t.Fatal(err)
			}
			known := 0
			for _, e := range w.got().Activities {
				if e.Currency.Symbol != "" {
					known++
				}
			}
			if len(w.got().Activities) > 20 && known == 0 {
				t.Error("no symbol is known")
			}
		})
	}
}

// copied are events that share no currencies.
func copied(events []markets.Event) []markets.Event {
	out := make([]markets.Event, len(events))
	for i, e := range events {
		out[i] = markets.Event{Position: e.Position, Currency: e.Currency}
	}
	return out
}
