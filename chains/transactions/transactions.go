// Package transactions reads single transactions, from a node or from the text of its answer,
// for people who try out what a market's definition makes of their events.
package transactions

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/markets"
)

// Transaction is a transaction with all of its events.
type Transaction struct {
	Hash string
	Kind markets.ChainKind
	Raws []markets.Raw // in order
}

// ErrForm: a text is none of the answers that can be read.
var ErrForm = errors.New("not a transaction: want the answer of eth_getTransactionReceipt or of Aptos' /v1/transactions/…, or a recorded block")

// Parse reads the transactions in an answer: a receipt, a list of receipts or of logs,
// a recorded block, an Aptos transaction; alone or as the result of JSON-RPC.
func Parse(text []byte) ([]Transaction, error) { return parse(text, 0) }

// maxDepth bounds the nesting of an answer's envelopes, each of which is read again.
const maxDepth = 10

func parse(text []byte, depth int) ([]Transaction, error) {
	if depth > maxDepth {
		return nil, ErrForm
	}
	var form struct {
		Result   json.RawMessage `json:"result"`
		Response json.RawMessage `json:"response"`
		Receipt  json.RawMessage `json:"eth_getTransactionReceipt"`
		Sent     json.RawMessage `json:"eth_getTransactionByHash"` // beside the receipt

		envelope // of a receipt, which does not have the value

		Logs      []log             `json:"logs"`
		Timestamp *json.Number      `json:"timestamp"` // of a recorded block
		Events    []json.RawMessage `json:"events"`    // of an Aptos transaction
	}
	if list, err := parseList(text, depth); err == nil {
		return list, nil
	}
	err := json.Unmarshal(text, &form)
	for _, inner := range []json.RawMessage{form.Result, form.Response, form.Receipt} {
		if len(inner) > 0 && string(inner) != "null" {
			all, err := parse(inner, depth+1)
			if err == nil && len(all) == 1 && form.Sent != nil {
				if err := json.Unmarshal(form.Sent, &form.envelope); err != nil {
					return nil, fmt.Errorf("%w: %w", ErrForm, err)
				}
				all[0].setEnvelope(form.envelope)
			}
			return all, err
		}
	}
	switch {
	case form.Events != nil:
		return parseAptos(text)
	case form.Logs != nil:
		at := time.Time{}
		if form.Timestamp != nil {
			if seconds, err := form.Timestamp.Int64(); err == nil {
				at = timeOf(hexutil.Uint64(max(seconds, 0)))
			}
		}
		all, err := evmTransactions(form.Logs, at)
		if len(all) == 1 && form.From != nil {
			all[0].setEnvelope(form.envelope)
		}
		return all, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	return nil, ErrForm
}

// parseList reads a list of logs, receipts or recorded calls.
func parseList(text []byte, depth int) ([]Transaction, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(text, &elements); err != nil {
		return nil, err
	}
	var logs []log
	if json.Unmarshal(text, &logs) == nil && len(logs) > 0 && logs[0].Topics != nil {
		return evmTransactions(logs, time.Time{})
	}
	var all []Transaction
	for _, element := range elements {
		if found, err := parse(element, depth+1); err == nil {
			all = append(all, found...)
		}
	}
	if len(all) == 0 {
		return nil, ErrForm
	}
	return all, nil
}

// envelope is who sent a transaction, and with how much, as nodes answer it.
type envelope struct {
	From  *common.Address `json:"from"`
	Value *hexutil.U256   `json:"value"`
}

// setEnvelope gives each event the transaction's sender and, if it is known, value.
func (t *Transaction) setEnvelope(sent envelope) {
	if sent.From == nil {
		return
	}
	envelope := &markets.Envelope{Sender: *sent.From}
	if sent.Value != nil {
		envelope.Value = markets.AmountOf((*uint256.Int)(sent.Value))
	}
	for i := range t.Raws {
		t.Raws[i].Envelope = envelope
	}
}

// log is a log as nodes answer it.
type log struct {
	Address     common.Address  `json:"address"`
	Topics      []common.Hash   `json:"topics"`
	Data        hexutil.Bytes   `json:"data"`
	BlockNumber hexutil.Uint64  `json:"blockNumber"`
	BlockHash   common.Hash     `json:"blockHash"`
	Transaction common.Hash     `json:"transactionHash"`
	TxIndex     hexutil.Uint64  `json:"transactionIndex"`
	Index       hexutil.Uint64  `json:"logIndex"`
	Time        *hexutil.Uint64 `json:"blockTimestamp"`
}

// timeOf is a time in Unix seconds; the zero time if it is not one that events have.
func timeOf(seconds hexutil.Uint64) time.Time {
	if at := time.Unix(int64(min(seconds, 1<<40)), 0).UTC(); at.Year() <= 9999 {
		return at
	}
	return time.Time{}
}

// evmTransactions groups logs by transaction.
func evmTransactions(logs []log, at time.Time) (all []Transaction, err error) {
	index := map[common.Hash]int{}
	for _, l := range logs {
		if l.BlockNumber > math.MaxInt64 || l.TxIndex > math.MaxInt32 || l.Index > math.MaxInt32 {
			return nil, fmt.Errorf("%w: no block has the number %d, a transaction %d or a log %d", ErrForm, l.BlockNumber, l.TxIndex, l.Index)
		}
		i, ok := index[l.Transaction]
		if !ok {
			i = len(all)
			index[l.Transaction] = i
			all = append(all, Transaction{Hash: l.Transaction.Hex(), Kind: markets.EVM})
		}
		raw := markets.Raw{
			Position: markets.Position{Height: int64(l.BlockNumber), Transaction: int32(l.TxIndex), Log: int32(l.Index)},
			Seq:      int64(l.BlockNumber), Block: l.BlockHash.Hex(), Transaction: l.Transaction.Hex(), Time: at,
			Address: l.Address, Data: l.Data,
		}
		if l.Time != nil {
			raw.Time = timeOf(*l.Time)
		}
		for _, t := range l.Topics {
			raw.Topics = append(raw.Topics, t)
		}
		all[i].Raws = append(all[i].Raws, raw)
	}
	for i := range all {
		addReceiptLogs(all[i].Raws)
	}
	return all, nil
}

// addReceiptLogs gives each event all logs of its transaction.
func addReceiptLogs(raws []markets.Raw) {
	var logs []markets.Log
	for _, r := range raws {
		logs = append(logs, markets.Log{Index: r.Position.Log, Address: r.Address, Topics: r.Topics, Data: r.Data})
	}
	for i := range raws {
		raws[i].ReceiptLogs = logs
	}
}

func parseAptos(text []byte) ([]Transaction, error) {
	hash, raws, err := aptos.Transaction(text)
	if err != nil {
		return nil, err
	}
	return []Transaction{{Hash: hash, Kind: markets.Aptos, Raws: raws}}, nil
}
