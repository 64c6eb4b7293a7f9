package replay

import (
	"encoding/json"
	"errors"
	"io/fs"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// block is one recorded block.
type block struct {
	file   string
	number int64
	hash   common.Hash
	time   int64 // Unix, seconds
	logs   logs
	// receipts are what was recorded of receipts beside their logs, by transaction.
	receipts map[common.Hash]map[string]json.RawMessage
	sent     map[common.Hash]json.RawMessage // the transactions that were recorded
	bloom    func() types.Bloom              // of the logs
}

// logs are the logs of one block in their order.
type logs interface {
	count() int
	// at is what filters, blooms and receipts need to know of a log.
	at(i int) logFacts
	// appendJSON appends a log as a node answers it.
	appendJSON(dst []byte, i int) []byte
}

type logFacts struct {
	address     common.Address
	topics      [4]common.Hash
	topicCount  int
	transaction common.Hash
	index       uint64 // the transaction's, in its block
}

func newBlock(number int64, hash common.Hash, time int64, l logs) *block {
	b := &block{number: number, hash: hash, time: time, logs: l}
	b.bloom = sync.OnceValue(func() types.Bloom { return bloomOf(l, 0, l.count()) })
	return b
}

// bloomOf is the bloom filter of the logs from i up to j.
func bloomOf(l logs, i, j int) types.Bloom {
	var bloom types.Bloom
	for ; i < j; i++ {
		f := l.at(i)
		bloom.Add(f.address[:])
		for _, t := range f.topics[:f.topicCount] {
			bloom.Add(t[:])
		}
	}
	return bloom
}

// transactions lists where each transaction's logs begin, and the count at the end.
func (b *block) transactions() []int {
	var starts []int
	var last common.Hash
	for i := range b.logs.count() {
		if t := b.logs.at(i).transaction; i == 0 || t != last {
			starts, last = append(starts, i), t
		}
	}
	return append(starts, b.logs.count())
}

// blockFile is blocks/<number>.json.
type blockFile struct {
	Number          *int64                       `json:"number"`
	Hash            *common.Hash                 `json:"hash"`
	ParentHash      *common.Hash                 `json:"parentHash"`
	Timestamp       int64                        `json:"timestamp"`
	TimestampSource string                       `json:"timestampSource"`
	Receipts        []map[string]json.RawMessage `json:"receipts"`
	Transactions    []json.RawMessage            `json:"transactions"`
	Logs            []json.RawMessage            `json:"logs"`
}

// openBlock reads one block and, if it is known, its parent's hash.
func openBlock(fsys fs.FS, name string) (*block, *common.Hash, error) {
	var file blockFile
	if err := readOwn(fsys, name, &file); err != nil {
		return nil, nil, err
	}
	switch {
	case file.Number == nil || *file.Number < 0 || *file.Number > maxHeight:
		return nil, nil, invalid(name, "number", "want a block number")
	case file.Hash == nil:
		return nil, nil, invalid(name, "hash", "missing")
	case file.Timestamp <= 0 || file.Timestamp > maxHeight:
		return nil, nil, invalid(name, "timestamp", "want Unix seconds")
	case file.TimestampSource != "recorded" && file.TimestampSource != "interpolated":
		return nil, nil, invalid(name, "timestampSource", `want "recorded" or "interpolated"`)
	}
	recorded := make(recordedLogs, len(file.Logs))
	for i, raw := range file.Logs {
		l, err := openLog(raw, *file.Number, *file.Hash)
		if err != nil {
			return nil, nil, invalid(name, "logs", "number %d: %v", i, err)
		}
		recorded[i] = l
	}
	b := newBlock(*file.Number, *file.Hash, file.Timestamp, recorded)
	b.file = name
	b.receipts, b.sent = map[common.Hash]map[string]json.RawMessage{}, map[common.Hash]json.RawMessage{}
	for i, r := range file.Receipts {
		var hash common.Hash
		if err := json.Unmarshal(r["transactionHash"], &hash); err != nil {
			return nil, nil, invalid(name, "receipts", "number %d: transactionHash: %v", i, err)
		}
		b.receipts[hash] = r
	}
	for i, text := range file.Transactions {
		var t struct {
			Hash  *common.Hash `json:"hash"`
			Block *common.Hash `json:"blockHash"`
		}
		if err := json.Unmarshal(text, &t); err != nil || t.Hash == nil || t.Block == nil || *t.Block != b.hash {
			return nil, nil, invalid(name, "transactions", "number %d: want a transaction of the block, with its hash", i)
		}
		b.sent[*t.Hash] = text
	}
	return b, file.ParentHash, nil
}

// fullTransactions are the transactions of the block's logs, or false if any was not
// recorded.
func (b *block) fullTransactions() ([]json.RawMessage, bool) {
	starts := b.transactions()
	all := make([]json.RawMessage, 0, len(starts))
	for _, i := range starts[:len(starts)-1] {
		text, ok := b.sent[b.logs.at(i).transaction]
		if !ok {
			return nil, false
		}
		all = append(all, text)
	}
	return all, true
}

// recordedLogs are logs as they were recorded, byte by byte.
type recordedLogs []recordedLog

type recordedLog struct {
	facts logFacts
	json  []byte
}

func (l recordedLogs) count() int                          { return len(l) }
func (l recordedLogs) at(i int) logFacts                   { return l[i].facts }
func (l recordedLogs) appendJSON(dst []byte, i int) []byte { return append(dst, l[i].json...) }

// openLog checks one recorded log of a block.
func openLog(raw json.RawMessage, number int64, hash common.Hash) (recordedLog, error) {
	var l types.Log
	if err := json.Unmarshal(raw, &l); err != nil {
		return recordedLog{}, err
	}
	switch {
	case l.BlockNumber != uint64(number):
		return recordedLog{}, errors.New("blockNumber is another block's")
	case l.BlockHash != hash:
		return recordedLog{}, errors.New("blockHash is another block's")
	case len(l.Topics) > 4:
		return recordedLog{}, errors.New("more than four topics")
	}
	facts := logFacts{address: l.Address, topicCount: len(l.Topics), transaction: l.TxHash, index: uint64(l.TxIndex)}
	copy(facts.topics[:], l.Topics)
	return recordedLog{facts: facts, json: raw}, nil
}

// quantity is a number as JSON-RPC writes it.
func quantity(n int64) string { return hexutil.EncodeUint64(uint64(n)) }
