package evm

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// addReceiptLogs gives each event all logs of its transaction: from the transaction's receipt
// or, where a block has several such transactions, from the block's receipts.
func (c *Chain) addReceiptLogs(ctx context.Context, raws []markets.Raw) error {
	const atOnce = 4
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var single [][]markets.Raw
	for _, block := range byBlock(raws) {
		transactions := c.lackingReceiptLogs(byTransaction(block))
		if len(transactions) >= minTransactionsPerBlock {
			group.Go(func() error {
				if err := c.addFromBlock(ctx, transactions); !endpoint.RefusalOf(err).IsSize() {
					return err
				}
				return c.addFromReceipts(ctx, transactions)
			})
		} else {
			single = append(single, transactions...)
		}
	}
	for part := range slices.Chunk(single, max(1, c.cfg.MaxBatch/4)) {
		group.Go(func() error { return c.addFromReceipts(ctx, part) })
	}
	return group.Wait()
}

// minTransactionsPerBlock is the number of transactions of one block from which on the block's
// receipts are read instead of each transaction's.
const minTransactionsPerBlock = 3

// byTransaction groups consecutive events of one transaction.
func byTransaction(raws []markets.Raw) [][]markets.Raw {
	return groupConsecutive(raws, func(a, b *markets.Raw) bool { return a.Transaction == b.Transaction && a.Block == b.Block })
}

func byBlock(raws []markets.Raw) [][]markets.Raw {
	return groupConsecutive(raws, func(a, b *markets.Raw) bool { return a.Block == b.Block })
}

func groupConsecutive(raws []markets.Raw, same func(a, b *markets.Raw) bool) (out [][]markets.Raw) {
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

// lackingReceiptLogs returns the transactions whose logs are not cached; those of the others
// are set.
func (c *Chain) lackingReceiptLogs(transactions [][]markets.Raw) [][]markets.Raw {
	return slices.DeleteFunc(transactions, func(events []markets.Raw) bool {
		around, ok := c.receiptLogs.Get(transactionKey(events))
		return ok && attach(events, around)
	})
}

func transactionKey(events []markets.Raw) string { return events[0].Block + events[0].Transaction }

// addFromReceipts asks for the receipts of transactions. Where there is none, as of Bor's
// state-sync transactions, all logs of the block are asked for.
func (c *Chain) addFromReceipts(ctx context.Context, transactions [][]markets.Raw) error {
	calls := make([]*jsonrpc.Call, len(transactions))
	receipts := make([]eth.Receipt, len(transactions))
	for i, events := range transactions {
		calls[i] = &jsonrpc.Call{Method: "eth_getTransactionReceipt", Params: []any{events[0].Transaction}, Result: receipts[i].Scan}
	}
	err := c.ask(ctx, withBlock(transactions[len(transactions)-1][0].Seq), calls...)
	var odd [][]markets.Raw
	for i, events := range transactions {
		if !calls[i].Answered || calls[i].Err != nil {
			continue
		}
		logs, faulty := eth.VerifyLogs(receipts[i].Raws, eth.Filter{}, events[0].Seq, events[0].Seq)
		if receipts[i].Block != events[0].Block || faulty != nil || !c.attachAndKeep(events, logs) {
			odd = append(odd, events)
		}
	}
	if err != nil {
		return err
	}
	for _, events := range odd {
		if err := c.addFromBlock(ctx, [][]markets.Raw{events}); err != nil {
			return err
		}
	}
	return nil
}

var errReceiptMismatch = errors.New("the block lacks logs that eth_getLogs returned for the transaction")

// addFromBlock gives transactions of one block their logs, out of all logs of the block.
func (c *Chain) addFromBlock(ctx context.Context, transactions [][]markets.Raw) error {
	first := transactions[0][0]
	whole, err := c.allLogs(ctx, first.Seq, first.Block)
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
		if !c.attachAndKeep(events, logs) {
			return errorOf(first, events[0].Transaction)
		}
	}
	return nil
}

func errorOf(at markets.Raw, transaction string) error {
	return &receiptMismatch{at.Seq, transaction}
}

// receiptMismatch is the error of a transaction whose logs are not those of its block.
type receiptMismatch struct {
	block       int64
	transaction string
}

func (e *receiptMismatch) Error() string {
	return "transaction " + e.transaction + ": " + errReceiptMismatch.Error()
}

func (e *receiptMismatch) Unwrap() []error { return []error{errReceiptMismatch, chains.ErrReorganised} }

// attachAndKeep gives a transaction's events its logs, if they are among these, and caches
// them.
func (c *Chain) attachAndKeep(events, logs []markets.Raw) bool {
	around := make([]markets.Log, len(logs))
	for i := range logs {
		around[i] = markets.Log{Index: logs[i].Position.Log, Address: logs[i].Address, Topics: logs[i].Topics, Data: logs[i].Data}
	}
	if !alignIndices(around, events) || !attach(events, around) && !(renumberEvents(events, around) && attach(events, around)) {
		return false
	}
	c.receiptLogs.Add(transactionKey(events), around)
	return true
}

// alignIndices numbers the logs of a receipt as eth_getLogs numbers them: some nodes count
// within the transaction. It reports false if the receipt is not the events' transaction's.
func alignIndices(around []markets.Log, events []markets.Raw) bool {
	first := &events[0]
	for i := range around {
		if sameContent(&around[i], first) && (around[i].Index == first.Position.Log || !containsEvent(around, first)) {
			shift := first.Position.Log - around[i].Index
			for j := range around {
				around[j].Index += shift
			}
			return true
		}
	}
	return false
}

// renumberEvents gives events the indices of the same logs in their receipt, where eth_getLogs
// gave several logs the same index. It reports false if they are not in the receipt in order.
func renumberEvents(events []markets.Raw, around []markets.Log) bool {
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

// containsEvent says whether an event is among logs, at its own index.
func containsEvent(around []markets.Log, raw *markets.Raw) bool {
	return slices.ContainsFunc(around, func(l markets.Log) bool { return l.Index == raw.Position.Log && sameContent(&l, raw) })
}

// attach sets the receipt logs of events, if the receipt has all of the events.
func attach(events []markets.Raw, around []markets.Log) bool {
	for i := range events {
		if !containsEvent(around, &events[i]) {
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
