package evm

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/mailru/easyjson/jlexer"
	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/markets"
)

// surround gives each event all logs of its transaction, which its receipt has.
func (c *Chain) surround(ctx context.Context, raws []markets.Raw) error {
	const batch, atOnce = 20, 4
	transactions := byTransaction(raws)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for part := range slices.Chunk(transactions, batch) {
		group.Go(func() error {
			calls := make([]*call, len(part))
			receipts := make([]receipt, len(part))
			for i, events := range part {
				calls[i] = &call{method: "eth_getTransactionReceipt", params: []any{events[0].Transaction}, result: receipts[i].into}
			}
			if err := c.node.do(ctx, calls...); err != nil {
				return err
			}
			for i, events := range part {
				if err := c.place(events, receipts[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// byTransaction are consecutive events of one transaction, together.
func byTransaction(raws []markets.Raw) (out [][]markets.Raw) {
	for from := 0; from < len(raws); {
		to := from + 1
		for to < len(raws) && raws[to].Transaction == raws[from].Transaction && raws[to].Block == raws[from].Block {
			to++
		}
		out = append(out, raws[from:to])
		from = to
	}
	return out
}

var errForeignReceipt = errors.New("the receipt has not the logs that eth_getLogs gave of its transaction")

// place gives a transaction's events the logs of its receipt, if it is theirs.
func (c *Chain) place(events []markets.Raw, r receipt) error {
	first := events[0]
	switch {
	case r.block == "": // a node behind the one that had the logs
		return c.node.Errorf("%w: no receipt of transaction %s", chains.ErrAhead, first.Transaction)
	case r.block != first.Block:
		return c.node.Errorf("%w: transaction %s is in block %s, not in %s", chains.ErrReorganised, first.Transaction, r.block, first.Block)
	}
	around := make([]markets.Log, len(r.raws))
	for i, raw := range r.raws {
		around[i] = markets.Log{Index: raw.Position.Log, Address: raw.Address, Topics: raw.Topics, Data: raw.Data}
	}
	for i := range events {
		if !slices.ContainsFunc(around, func(l markets.Log) bool { return isOf(l, &events[i]) }) {
			return c.node.Errorf("transaction %s: %w", first.Transaction, errForeignReceipt)
		}
		events[i].Around = around
	}
	return nil
}

func isOf(l markets.Log, raw *markets.Raw) bool {
	return l.Index == raw.Position.Log && l.Address == raw.Address && slices.Equal(l.Topics, raw.Topics) && bytes.Equal(l.Data, raw.Data)
}

// receipt is what is read of a receipt: its block, empty if there is none, and logs.
type receipt struct {
	block string
	logScan
}

// into scans a receipt.
func (r *receipt) into(l *jlexer.Lexer) {
	if l.IsNull() {
		l.Null()
		return
	}
	l.Delim('{')
	for !l.IsDelim('}') {
		key := l.UnsafeFieldName(false)
		l.WantColon()
		switch key {
		case "blockHash":
			r.block = scanHash(l, "")
		case "logs":
			r.logScan.into(l)
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
}
