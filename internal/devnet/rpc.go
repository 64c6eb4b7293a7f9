package devnet

import (
	"errors"
	"net/http"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// Serve returns a chain's JSON-RPC server, with go-ethereum's implementation.
func Serve(c *Chain) (http.Handler, error) {
	server := rpc.NewServer()
	return server, server.RegisterName("eth", &ethAPI{c})
}

// ethAPI implements the methods that the event worker calls.
type ethAPI struct{ c *Chain }

// ChainId is eth_chainId.
func (a *ethAPI) ChainId() hexutil.Uint64 { return hexutil.Uint64(a.c.ID) } //nolint:revive // the JSON-RPC method is named after it

// GetBlockByNumber is eth_getBlockByNumber, for headers only: null if the block does not
// exist.
func (a *ethAPI) GetBlockByNumber(number rpc.BlockNumber, _ bool) any {
	blocks := a.c.Blocks()
	head := int64(len(blocks)) - 1
	n := a.height(number, head)
	if n > head {
		return nil
	}
	return blocks[n].header
}

// height returns the height of a block number or tag.
func (a *ethAPI) height(number rpc.BlockNumber, head int64) int64 {
	switch {
	case number >= 0:
		return number.Int64()
	case number == rpc.FinalizedBlockNumber || number == rpc.SafeBlockNumber:
		return a.c.finalBelow(head)
	case number == rpc.EarliestBlockNumber:
		return 0
	}
	return head
}

// GetBlockByHash is eth_getBlockByHash, for headers or for transactions.
func (a *ethAPI) GetBlockByHash(hash common.Hash, full bool) any {
	b := a.c.ByHash(hash)
	switch {
	case b == nil:
		return nil
	case full:
		return map[string]any{"hash": b.Hash, "transactions": transactionsOf(b)}
	}
	return b.header
}

// query is the parameter of eth_getLogs.
type query struct {
	BlockHash *common.Hash
	FromBlock *rpc.BlockNumber
	ToBlock   *rpc.BlockNumber
	Address   []common.Address
	Topics    [][]common.Hash
}

var errUnknownBlock = errors.New("unknown block")

// GetLogs is eth_getLogs.
func (a *ethAPI) GetLogs(q query) ([]*types.Log, error) {
	blocks, err := a.asked(q)
	if err != nil {
		return nil, err
	}
	found := []*types.Log{}
	for _, b := range blocks {
		for _, l := range b.Logs {
			if q.matches(l) {
				found = append(found, l)
			}
		}
	}
	return found, nil
}

// asked returns the blocks that a query selects.
func (a *ethAPI) asked(q query) ([]*Block, error) {
	if q.BlockHash != nil {
		b := a.c.ByHash(*q.BlockHash)
		if b == nil {
			return nil, errUnknownBlock
		}
		return []*Block{b}, nil
	}
	blocks := a.c.Blocks()
	head := int64(len(blocks)) - 1
	if q.FromBlock == nil || q.ToBlock == nil {
		return nil, errors.New("fromBlock and toBlock, or blockHash, are needed")
	}
	from, to := a.height(*q.FromBlock, head), a.height(*q.ToBlock, head)
	if from > to || to > head {
		return nil, errors.New("block range extends beyond current head block")
	}
	return blocks[from : to+1], nil
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
