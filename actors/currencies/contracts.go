package currencies

import (
	"context"
	"errors"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/contract"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// contracts asks the contracts of ERC-20 tokens.
type contracts struct{ chains.Caller }

// ask asks as of the view's final block. Contracts that may be younger, and all if no endpoint
// has that block's state, are asked as of the head.
func (c contracts) ask(ctx context.Context, view *chains.View, questions []question) ([]persistence.KnownCurrency, error) {
	answers, err := c.askAt(ctx, view.Final, questions)
	pruned := errors.Is(err, chains.ErrPruned)
	if err != nil && !pruned || view.Head == view.Final {
		return answers, err
	}
	if pruned {
		return c.askAt(ctx, view.Head, questions)
	}
	var younger []question
	var indices []int
	for i, q := range questions {
		if answers[i].Reason != "" && q.height > view.Final.Seq {
			younger, indices = append(younger, q), append(indices, i)
		}
	}
	if len(younger) == 0 {
		return answers, nil
	}
	again, err := c.askAt(ctx, view.Head, younger)
	if err != nil {
		return nil, err
	}
	for i, index := range indices {
		answers[index] = again[i]
	}
	return answers, nil
}

// askAt asks as of a block.
func (c contracts) askAt(ctx context.Context, at markets.Place, questions []question) ([]persistence.KnownCurrency, error) {
	const each = 3
	var calls []chains.ContractCall
	for _, q := range questions {
		token := [20]byte(common.HexToAddress(q.address))
		calls = append(calls, contract.Symbol(token), contract.Decimals(token), contract.Name(token))
	}
	results, err := c.Call(ctx, at, calls)
	if err != nil {
		return nil, err
	}
	answers := make([]persistence.KnownCurrency, len(questions))
	for i := range answers {
		answers[i] = answerOf(results[each*i], results[each*i+1], results[each*i+2])
		answers[i].Height = at.Seq
	}
	return answers, nil
}

func answerOf(symbol, decimals, name chains.CallResult) (k persistence.KnownCurrency) {
	var reasons []string
	var err error
	if k.Symbol, err = contract.Text(symbol); err != nil {
		reasons = append(reasons, "symbol: "+reasonOf(err))
	}
	if n, err := contract.DecimalsOf(decimals); err != nil {
		reasons = append(reasons, "decimals: "+reasonOf(err))
	} else {
		k.Decimals = &n
	}
	k.Name, _ = contract.Text(name)
	k.Reason = strings.Join(reasons, "; ")
	return k
}

// reasonOf is why a call has no answer, without what contracts and endpoints put into errors.
func reasonOf(err error) string {
	for _, reason := range []error{contract.ErrEmpty, contract.ErrMalformed, chains.ErrReverted, chains.ErrTooLong} {
		if errors.Is(err, reason) {
			return reason.Error()
		}
	}
	return chains.ErrUnanswerable.Error()
}
