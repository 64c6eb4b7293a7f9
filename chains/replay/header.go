package replay

import (
	"encoding/json"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// header is a block as eth_getBlockByNumber answers it with hashes only. Number,
// hashes, time, bloom and transactions are those of the recording; the rest is
// made up, so that the hash is not the digest of the header.
func (c *blockchain) header(number int64) map[string]any {
	hash := c.hash(number)
	txs := []common.Hash{}
	var bloom types.Bloom
	root := types.EmptyTxsHash
	if b := c.block(number); b != nil && b.logs.count() > 0 {
		starts := b.transactions()
		for _, i := range starts[:len(starts)-1] {
			txs = append(txs, b.logs.at(i).transaction)
		}
		bloom = b.bloom()
		root = crypto.Keccak256Hash([]byte("root"), hash[:])
	}
	return map[string]any{
		"number":           quantity(number),
		"hash":             hash,
		"parentHash":       c.hash(number - 1),
		"timestamp":        quantity(c.time(number)),
		"logsBloom":        bloom,
		"transactions":     txs,
		"transactionsRoot": root,
		"receiptsRoot":     root,
		"stateRoot":        crypto.Keccak256Hash([]byte("state"), hash[:]),
		"sha3Uncles":       types.EmptyUncleHash,
		"uncles":           []common.Hash{},
		"miner":            common.Address{},
		"mixHash":          common.Hash{},
		"nonce":            types.BlockNonce{},
		"difficulty":       "0x0",
		"extraData":        hexutil.Bytes("replay"),
		"gasLimit":         quantity(30_000_000),
		"gasUsed":          quantity(int64(len(txs)) * 100_000),
		"baseFeePerGas":    quantity(1_000_000_000),
		"size":             quantity(int64(1000 + 200*len(txs))),
	}
}

// receiptList is the receipts of the recorded transactions of a block, with what is
// known of each. Of a transaction whose receipt was not recorded only the logs are.
func (b *block) receiptList() []map[string]any {
	out := []map[string]any{}
	starts := b.transactions()
	for n, i := range starts[:len(starts)-1] {
		end := starts[n+1]
		first := b.logs.at(i)
		r := map[string]any{
			"transactionHash":   first.transaction,
			"transactionIndex":  hexutil.Uint64(first.index),
			"blockHash":         b.hash,
			"blockNumber":       quantity(b.number),
			"status":            "0x1",
			"type":              "0x2",
			"gasUsed":           "0x0",
			"cumulativeGasUsed": "0x0",
			"effectiveGasPrice": "0x0",
			"contractAddress":   nil,
		}
		for k, v := range b.receipts[first.transaction] {
			r[k] = v
		}
		all := make([]json.RawMessage, 0, end-i)
		for j := i; j < end; j++ {
			all = append(all, b.logs.appendJSON(nil, j))
		}
		r["logs"] = all
		r["logsBloom"] = bloomOf(b.logs, i, end)
		out = append(out, r)
	}
	return out
}
