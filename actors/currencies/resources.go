package currencies

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// resources asks for the resources of Aptos that describe coins and fungible assets
// (aptos-core, aptos_framework::coin and aptos_framework::fungible_asset).
type resources struct{ chains.ResourceReader }

const (
	atOnce      = 4  // requests
	maxRunes    = 32 // of a symbol or name
	maxDecimals = 77 // as of contracts
)

// ask asks as of the view's head: Aptos has no reorganisations, and no batches.
func (r resources) ask(ctx context.Context, view *chains.View, questions []question) ([]persistence.KnownCurrency, error) {
	answers := make([]persistence.KnownCurrency, len(questions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, q := range questions {
		group.Go(func() (err error) {
			answers[i], err = r.askOne(ctx, view.Head, q.address)
			return err
		})
	}
	return answers, group.Wait()
}

func (r resources) askOne(ctx context.Context, at markets.Place, address string) (persistence.KnownCurrency, error) {
	k := persistence.KnownCurrency{Height: at.Height()}
	account, name := address, "0x1::fungible_asset::Metadata"
	if of, _, isCoin := strings.Cut(address, "::"); isCoin {
		account, name = of, "0x1::coin::CoinInfo<"+address+">"
	}
	data, err := r.Resource(ctx, at, account, name)
	switch {
	case errors.Is(err, chains.ErrNoResource):
		k.Reason = "neither a coin nor a fungible asset"
		return k, nil
	case err != nil:
		return k, err
	}
	var info struct {
		Symbol, Name string
		Decimals     *int
	}
	if err := json.Unmarshal(data, &info); err != nil {
		k.Reason = "its resource is malformed"
		return k, nil
	}
	k.Symbol, k.Name = printable.Name(info.Symbol, maxRunes), printable.Name(info.Name, maxRunes)
	var reasons []string
	if k.Symbol == "" {
		reasons = append(reasons, "symbol: no printable characters")
	}
	if d := info.Decimals; d == nil || *d < 0 || *d > maxDecimals {
		reasons = append(reasons, "decimals: not from 0 to 77")
	} else {
		k.Decimals = d
	}
	k.Reason = strings.Join(reasons, "; ")
	return k, nil
}
