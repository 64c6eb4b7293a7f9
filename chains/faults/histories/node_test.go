package histories

import (
	"errors"
	"net/http"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
)

// node serves a chain over JSON-RPC, as geth does.
type node struct{ chain *blockchain }

func serve(c *blockchain) (http.Handler, error) {
	server := rpc.NewServer()
	return server, server.RegisterName("eth", &node{c})
}

// ChainId is eth_chainId.
func (n *node) ChainId() hexutil.Uint64 { return chainID } //nolint:revive // the JSON-RPC method is named after it

// GetBlockByNumber is eth_getBlockByNumber, for headers only.
func (n *node) GetBlockByNumber(number rpc.BlockNumber, _ bool) any {
	branch := n.chain.now()
	if at := n.height(number, branch); at < int64(len(branch)) {
		return branch[at].header
	}
	return nil
}

func (n *node) height(number rpc.BlockNumber, branch []*block) int64 {
	switch {
	case number >= 0:
		return number.Int64()
	case number == rpc.FinalizedBlockNumber || number == rpc.SafeBlockNumber:
		return n.chain.finalized()
	case number == rpc.EarliestBlockNumber:
		return 0
	}
	return int64(len(branch)) - 1
}

// GetBlockByHash is eth_getBlockByHash, for headers and for transactions. Like geth, it also
// returns abandoned blocks.
func (n *node) GetBlockByHash(hash common.Hash, full bool) any {
	b := n.chain.byHash(hash)
	switch {
	case b == nil:
		return nil
	case full:
		return map[string]any{"hash": b.hash, "transactions": transactionsOf(b)}
	}
	return b.header
}

// transaction is the part of a transaction that the worker reads.
type transaction struct {
	Hash      common.Hash    `json:"hash"`
	BlockHash common.Hash    `json:"blockHash"`
	From      common.Address `json:"from"`
	Value     *hexutil.U256  `json:"value"`
}

// GetTransactionByHash is eth_getTransactionByHash.
func (n *node) GetTransactionByHash(hash common.Hash) *transaction {
	for _, b := range n.chain.now() {
		for _, t := range transactionsOf(b) {
			if t.Hash == hash {
				return t
			}
		}
	}
	return nil
}

func transactionsOf(b *block) (all []*transaction) {
	for _, r := range receiptsOf(b) {
		envelope := envelopeOf(r.TransactionHash)
		value := uint256.MustFromDecimal(string(envelope.Value))
		all = append(all, &transaction{r.TransactionHash, b.hash, envelope.Sender, (*hexutil.U256)(value)})
	}
	return all
}

// query is the parameter of eth_getLogs.
type query struct {
	BlockHash *common.Hash
	FromBlock *rpc.BlockNumber
	ToBlock   *rpc.BlockNumber
	Address   []common.Address
	Topics    [][]common.Hash
}

// GetLogs is eth_getLogs.
func (n *node) GetLogs(q query) ([]*types.Log, error) {
	blocks, err := n.asked(q)
	if err != nil {
		return nil, err
	}
	found := []*types.Log{}
	for _, b := range blocks {
		for _, l := range b.logs {
			if q.matches(l) {
				found = append(found, l)
			}
		}
	}
	return found, nil
}

func (n *node) asked(q query) ([]*block, error) {
	if q.BlockHash != nil {
		b := n.chain.byHash(*q.BlockHash)
		if b == nil {
			return nil, errors.New("unknown block")
		}
		return []*block{b}, nil
	}
	if q.FromBlock == nil || q.ToBlock == nil {
		return nil, errors.New("fromBlock and toBlock, or blockHash, are needed")
	}
	branch := n.chain.now()
	from, to := n.height(*q.FromBlock, branch), n.height(*q.ToBlock, branch)
	if from > to || to >= int64(len(branch)) {
		return nil, errors.New("block range extends beyond current head block")
	}
	return branch[from : to+1], nil
}

func (q query) matches(l *types.Log) bool {
	if len(q.Address) > 0 && !slices.Contains(q.Address, l.Address) || len(q.Topics) > len(l.Topics) {
		return false
	}
	for i, any := range q.Topics {
		if len(any) > 0 && !slices.Contains(any, l.Topics[i]) {
			return false
		}
	}
	return true
}

// receipt is the part of a receipt that the worker reads.
type receipt struct {
	TransactionHash  common.Hash    `json:"transactionHash"`
	TransactionIndex hexutil.Uint   `json:"transactionIndex"`
	BlockHash        common.Hash    `json:"blockHash"`
	BlockNumber      hexutil.Uint64 `json:"blockNumber"`
	LogsBloom        types.Bloom    `json:"logsBloom"`
	Status           hexutil.Uint64 `json:"status"`
	Logs             []*types.Log   `json:"logs"`
}

// GetBlockReceipts is eth_getBlockReceipts.
func (n *node) GetBlockReceipts(at rpc.BlockNumberOrHash) []*receipt {
	var b *block
	if hash, ok := at.Hash(); ok {
		b = n.chain.byHash(hash)
	} else if number, ok := at.Number(); ok {
		branch := n.chain.now()
		if height := n.height(number, branch); height < int64(len(branch)) {
			b = branch[height]
		}
	}
	if b == nil {
		return nil
	}
	return receiptsOf(b)
}

// GetTransactionReceipt is eth_getTransactionReceipt.
func (n *node) GetTransactionReceipt(hash common.Hash) *receipt {
	for _, b := range n.chain.now() {
		for _, r := range receiptsOf(b) {
			if r.TransactionHash == hash {
				return r
			}
		}
	}
	return nil
}

func receiptsOf(b *block) []*receipt {
	receipts := []*receipt{}
	for _, l := range b.logs {
		if last := len(receipts) - 1; last < 0 || receipts[last].TransactionHash != l.TxHash {
			receipts = append(receipts, &receipt{
				TransactionHash: l.TxHash, TransactionIndex: hexutil.Uint(l.TxIndex),
				BlockHash: b.hash, BlockNumber: hexutil.Uint64(l.BlockNumber), Status: 1,
			})
		}
		r := receipts[len(receipts)-1]
		r.Logs = append(r.Logs, l)
		r.LogsBloom.Add(l.Address[:])
		for _, topic := range l.Topics {
			r.LogsBloom.Add(topic[:])
		}
	}
	return receipts
}
