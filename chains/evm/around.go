package evm

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/mailru/easyjson/jlexer"
	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// surround gives each event all logs of its transaction: of its receipt, or where a
// block has several such transactions, of the block's receipts.
func (c *Chain) surround(ctx context.Context, raws []markets.Raw) error {
	const atOnce = 4
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var single [][]markets.Raw
	for _, block := range byBlock(raws) {
		transactions := c.without(byTransaction(block))
		if len(transactions) >= manyTransactions {
			group.Go(func() error {
				if err := c.surroundBlock(ctx, transactions); !endpoint.RefusalOf(err).IsSize() {
					return err
				}
				return c.surroundEach(ctx, transactions)
			})
		} else {
			single = append(single, transactions...)
		}
	}
	for part := range slices.Chunk(single, max(1, c.cfg.MaxBatch/4)) {
		group.Go(func() error { return c.surroundEach(ctx, part) })
	}
	return group.Wait()
}

// manyTransactions is from how many transactions of a block on its receipts are asked
// for together.
const manyTransactions = 3

// byTransaction are consecutive events of one transaction, together.
func byTransaction(raws []markets.Raw) [][]markets.Raw {
	return together(raws, func(a, b *markets.Raw) bool { return a.Transaction == b.Transaction && a.Block == b.Block })
}

func byBlock(raws []markets.Raw) [][]markets.Raw {
	return together(raws, func(a, b *markets.Raw) bool { return a.Block == b.Block })
}

func together(raws []markets.Raw, same func(a, b *markets.Raw) bool) (out [][]markets.Raw) {
	for from := 0; from < len(raws); {
		to := from + 1
		for to < len(raws) && same(&raws[to], &raws[from]) {
			to++
		}
		out = append(out, raws[from:to])
		from = to
	}
	return out
}

// without is the transactions whose logs are not known yet; the others' are set.
func (c *Chain) without(transactions [][]markets.Raw) [][]markets.Raw {
	return slices.DeleteFunc(transactions, func(events []markets.Raw) bool {
		around, ok := c.around.Get(transactionKey(events))
		return ok && place(events, around)
	})
}

func transactionKey(events []markets.Raw) string { return events[0].Block + events[0].Transaction }

// surroundEach asks for the receipts of transactions. A receipt that does not exist, as
// of Bor's state-sync transactions, is made up for by all logs of the block.
func (c *Chain) surroundEach(ctx context.Context, transactions [][]markets.Raw) error {
	calls := make([]*call, len(transactions))
	receipts := make([]receipt, len(transactions))
	for i, events := range transactions {
		calls[i] = &call{method: "eth_getTransactionReceipt", params: []any{events[0].Transaction}, result: receipts[i].into}
	}
	err := c.ask(ctx, reaching(transactions[len(transactions)-1][0].Seq), calls...)
	var odd [][]markets.Raw
	for i, events := range transactions {
		if !calls[i].answered || calls[i].err != nil {
			continue
		}
		logs, faulty := verify(receipts[i].raws, filter{}, events[0].Seq, events[0].Seq)
		if receipts[i].block != events[0].Block || faulty != nil || !c.place(events, logs) {
			odd = append(odd, events)
		}
	}
	if err != nil {
		return err
	}
	for _, events := range odd {
		if err := c.surroundBlock(ctx, [][]markets.Raw{events}); err != nil {
			return err
		}
	}
	return nil
}

var errForeignReceipt = errors.New("the block's logs do not hold those that eth_getLogs gave of the transaction")

// surroundBlock gives transactions of one block their logs out of all of the block's.
func (c *Chain) surroundBlock(ctx context.Context, transactions [][]markets.Raw) error {
	first := transactions[0][0]
	whole, err := c.wholeBlock(ctx, first.Seq, first.Block)
	if err != nil {
		return err
	}
	for _, events := range transactions {
		var logs []markets.Raw
		for i := range whole {
			if whole[i].Transaction == events[0].Transaction {
				logs = append(logs, whole[i])
			}
		}
		if !c.place(events, logs) {
			return errorOf(first, events[0].Transaction)
		}
	}
	return nil
}

func errorOf(at markets.Raw, transaction string) error {
	return &foreignReceipt{at.Seq, transaction}
}

// foreignReceipt is the error of a transaction whose logs are not those of its block.
type foreignReceipt struct {
	block       int64
	transaction string
}

func (e *foreignReceipt) Error() string {
	return "transaction " + e.transaction + ": " + errForeignReceipt.Error()
}

func (e *foreignReceipt) Unwrap() []error { return []error{errForeignReceipt, chains.ErrReorganised} }

// place gives a transaction's events its logs, if they are among these, and keeps them.
func (c *Chain) place(events, logs []markets.Raw) bool {
	around := make([]markets.Log, len(logs))
	for i := range logs {
		around[i] = markets.Log{Index: logs[i].Position.Log, Address: logs[i].Address, Topics: logs[i].Topics, Data: logs[i].Data}
	}
	if !renumbered(around, events) || !place(events, around) && !(numbered(events, around) && place(events, around)) {
		return false
	}
	c.around.Add(transactionKey(events), around)
	return true
}

// renumbered numbers the logs of a receipt as eth_getLogs numbers them: some nodes' count
// within the transaction. It reports false where they are not of the events' transaction.
func renumbered(around []markets.Log, events []markets.Raw) bool {
	first := &events[0]
	for i := range around {
		if sameContent(&around[i], first) && (around[i].Index == first.Position.Log || !holds(around, first)) {
			shift := first.Position.Log - around[i].Index
			for j := range around {
				around[j].Index += shift
			}
			return true
		}
	}
	return false
}

// numbered numbers events as the logs around them are, where one answer gave several logs
// the same index. It reports false where they are not among these in order.
func numbered(events []markets.Raw, around []markets.Log) bool {
	indices := make([]int32, len(events))
	next := 0
	for i := range events {
		for next < len(around) && !sameContent(&around[next], &events[i]) {
			next++
		}
		if next == len(around) {
			return false
		}
		indices[i] = around[next].Index
		next++
	}
	for i := range events {
		events[i].Position.Log = indices[i]
	}
	return true
}

// holds says whether a log is among others at its own index.
func holds(around []markets.Log, raw *markets.Raw) bool {
	return slices.ContainsFunc(around, func(l markets.Log) bool { return l.Index == raw.Position.Log && sameContent(&l, raw) })
}

// place sets the logs around events, if all of the events are among them.
func place(events []markets.Raw, around []markets.Log) bool {
	for i := range events {
		if !holds(around, &events[i]) {
			return false
		}
	}
	for i := range events {
		events[i].ReceiptLogs = around
	}
	return true
}

func sameContent(l *markets.Log, raw *markets.Raw) bool {
	return l.Address == raw.Address && slices.Equal(l.Topics, raw.Topics) && bytes.Equal(l.Data, raw.Data)
}

// identical says whether two logs are one that came twice.
func identical(a, b *markets.Raw) bool {
	return a.Address == b.Address && slices.Equal(a.Topics, b.Topics) && bytes.Equal(a.Data, b.Data)
}

// receipt is what is read of a receipt: its block, empty if there is none, and logs.
type receipt struct {
	block string
	logScan
}

// into scans a receipt.
func (r *receipt) into(l *jlexer.Lexer) {
	*r = receipt{}
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
			r.add(l)
		default:
			l.SkipRecursive()
		}
		l.WantComma()
	}
	l.Delim('}')
}
