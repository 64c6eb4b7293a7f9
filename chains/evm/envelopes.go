package evm

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/markets"
)

// addEnvelopes gives each event the envelope of its transaction: from the transaction or,
// where the answer is not of the event's block, from that block.
func (c *Chain) addEnvelopes(ctx context.Context, raws []markets.Raw) error {
	lacking := slices.DeleteFunc(byTransaction(raws), func(events []markets.Raw) bool {
		envelope, ok := c.envelopes.Get(transactionKey(events))
		if ok {
			setEnvelope(events, envelope)
		}
		return ok
	})
	const atOnce = 4
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for part := range slices.Chunk(lacking, c.cfg.MaxBatch) {
		group.Go(func() error { return c.fetchEnvelopes(ctx, part) })
	}
	return group.Wait()
}

func setEnvelope(events []markets.Raw, envelope *markets.Envelope) {
	for i := range events {
		events[i].Envelope = envelope
	}
}

func (c *Chain) setAndKeepEnvelope(events []markets.Raw, envelope markets.Envelope) {
	setEnvelope(events, &envelope)
	c.envelopes.Add(transactionKey(events), &envelope)
}

// fetchEnvelopes asks for transactions by their hashes. What was answered is kept, whatever
// fails beside it.
func (c *Chain) fetchEnvelopes(ctx context.Context, transactions [][]markets.Raw) error {
	calls, found := make([]*jsonrpc.Call, len(transactions)), make([]eth.Transaction, len(transactions))
	for i, events := range transactions {
		calls[i] = eth.TransactionByHash(events[0].Transaction, &found[i])
	}
	err := c.ask(ctx, withBlock(transactions[len(transactions)-1][0].Seq), calls...)
	var odd [][]markets.Raw
	for i, events := range transactions {
		switch {
		case !calls[i].Answered || calls[i].Err != nil:
		case found[i].Hash == events[0].Transaction && found[i].Block == events[0].Block:
			c.setAndKeepEnvelope(events, found[i].Envelope)
		default:
			odd = append(odd, events)
		}
	}
	if err != nil {
		return err
	}
	for _, events := range odd {
		if err := c.envelopeFromBlock(ctx, events); err != nil {
			return err
		}
	}
	return nil
}

// envelopeFromBlock looks for a transaction among those of its block. One that logs and is not
// among them is the chain's own, such as Bor's state-sync transactions: it has no sender and
// pays nothing.
func (c *Chain) envelopeFromBlock(ctx context.Context, events []markets.Raw) error {
	hash := events[0].Block
	var block eth.BlockTransactions
	err := c.use(ctx, withBlock(events[0].Seq), func(ctx context.Context, n jsonrpc.Client) error {
		err := n.Do(ctx, eth.WithTransactions(hash, &block))
		switch {
		case err != nil:
			return err
		case block.Hash == "":
			return n.Errorf("%w: no block %s", chains.ErrReorganised, hash)
		case block.Hash != hash:
			return n.Malformed("asked for block %s, answered with %s", hash, block.Hash)
		}
		return nil
	})
	if err != nil {
		return err
	}
	envelope := markets.Envelope{Value: "0"}
	for i := range block.Transactions {
		if block.Transactions[i].Hash == events[0].Transaction {
			envelope = block.Transactions[i].Envelope
		}
	}
	c.setAndKeepEnvelope(events, envelope)
	return nil
}
