package devnet

import (
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/imart/event-worker/markets"
)

// RawsOf returns the logs in blocks that a source selects, with what it asks for of their
// transactions.
func RawsOf(source markets.Source, blocks []*Block) []markets.Raw {
	var raws []markets.Raw
	for _, b := range blocks {
		for _, l := range b.Logs {
			if !selects(source, l) {
				continue
			}
			raw := markets.Raw{
				Position: markets.Position{Height: b.Number(), Transaction: int32(l.TxIndex), Log: int32(l.Index)},
				Seq:      b.Number(), Block: b.Hash.Hex(), Transaction: l.TxHash.Hex(),
				Time:    time.Unix(int64(b.header.Time), 0).UTC(),
				Address: l.Address, Topics: topics(l), Data: l.Data,
			}
			if source.ReceiptLogs {
				raw.ReceiptLogs = b.receiptLogs(l.TxHash)
			}
			if source.Envelope {
				raw.Envelope = &markets.Envelope{Sender: sender(l.TxHash), Value: markets.AmountOf(value(l.TxHash))}
			}
			raws = append(raws, raw)
		}
	}
	return raws
}

func selects(source markets.Source, l *types.Log) bool {
	return slices.Contains(source.Topics, l.Topics[0].Hex()) &&
		slices.ContainsFunc(source.Addresses, func(a string) bool { return common.HexToAddress(a) == l.Address })
}

// receiptLogs returns all logs of a transaction.
func (b *Block) receiptLogs(transaction common.Hash) (all []markets.Log) {
	for _, l := range b.Logs {
		if l.TxHash == transaction {
			all = append(all, markets.Log{Index: int32(l.Index), Address: l.Address, Topics: topics(l), Data: l.Data})
		}
	}
	return all
}

func topics(l *types.Log) [][32]byte {
	all := make([][32]byte, len(l.Topics))
	for i, topic := range l.Topics {
		all[i] = topic
	}
	return all
}
