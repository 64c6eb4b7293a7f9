package replay

import (
	"bufio"
	"encoding/json"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// evmView is an EVM chain as it stands for one call.
type evmView struct {
	*blockchain
	head   int64
	limits Limits
}

// methods are those that the node knows.
var methods = map[string]func(*evmView, *call) (answer, *rpcError){
	"eth_chainId":          (*evmView).chainID,
	"net_version":          (*evmView).networkID,
	"eth_syncing":          (*evmView).syncing,
	"eth_blockNumber":      (*evmView).blockNumber,
	"eth_getBlockByNumber": (*evmView).blockByNumber,
	"eth_getBlockByHash":   (*evmView).blockByHash,
	"eth_getBlockReceipts": (*evmView).blockReceipts,

	"eth_getTransactionReceipt": (*evmView).transactionReceipt,
	"eth_getTransactionByHash":  (*evmView).transactionByHash,
	"eth_getLogs":               (*evmView).getLogs,
}

func (v *evmView) chainID(*call) (answer, *rpcError)     { return value(hexutil.Uint64(v.id)) }
func (v *evmView) networkID(*call) (answer, *rpcError)   { return value(fmt.Sprint(v.id)) }
func (v *evmView) syncing(*call) (answer, *rpcError)     { return value(false) }
func (v *evmView) blockNumber(*call) (answer, *rpcError) { return value(quantity(v.head)) }

func (v *evmView) blockByNumber(c *call) (answer, *rpcError) {
	args, err := c.arguments(2, 2)
	if err != nil {
		return nil, err
	}
	number, err := v.height(args[0])
	if err != nil {
		return nil, err
	}
	return v.answerBlock(number, args[1])
}

func (v *evmView) blockByHash(c *call) (answer, *rpcError) {
	args, err := c.arguments(2, 2)
	if err != nil {
		return nil, err
	}
	var hash common.Hash
	if err := json.Unmarshal(args[0], &hash); err != nil {
		return nil, badParams("invalid argument 0: %v", err)
	}
	number, ok := v.number(hash)
	if !ok {
		return value(nil)
	}
	return v.answerBlock(number, args[1])
}

// answerBlock answers null for a block beyond the head, as nodes do.
func (v *evmView) answerBlock(number int64, full json.RawMessage) (answer, *rpcError) {
	var transactions bool
	if err := json.Unmarshal(full, &transactions); err != nil {
		return nil, badParams("invalid argument 1: %v", err)
	}
	if number > v.head {
		return value(nil)
	}
	header := v.header(number)
	if b := v.block(number); transactions && b != nil && b.logs.count() > 0 {
		all, ok := b.fullTransactions()
		if !ok {
			return nil, errNotRecorded
		}
		header["transactions"] = all
	}
	return value(header)
}

var errNotRecorded = &rpcError{codeServer, "the transactions of this block were not recorded, only their logs"}

func (v *evmView) blockReceipts(c *call) (answer, *rpcError) {
	args, err := c.arguments(1, 1)
	if err != nil {
		return nil, err
	}
	number, known, err := v.heightOrHash(args[0])
	if err != nil {
		return nil, err
	}
	if !known || number > v.head {
		return value(nil)
	}
	if b := v.block(number); b != nil {
		return value(b.receiptList())
	}
	return value([]any{})
}

// transactionHash reads the one argument of a call.
func (c *call) transactionHash() (hash common.Hash, rpcErr *rpcError) {
	args, rpcErr := c.arguments(1, 1)
	if rpcErr != nil {
		return hash, rpcErr
	}
	if err := json.Unmarshal(args[0], &hash); err != nil {
		return hash, badParams("invalid argument 0: %v", err)
	}
	return hash, nil
}

// transactionByHash looks through all that was recorded, as transactionReceipt does.
func (v *evmView) transactionByHash(c *call) (answer, *rpcError) {
	hash, err := c.transactionHash()
	if err != nil {
		return nil, err
	}
	for _, b := range v.blocks {
		if b.number > v.head {
			break
		}
		if text, ok := b.sent[hash]; ok {
			return value(text)
		}
		for i := range b.logs.count() {
			if b.logs.at(i).transaction == hash {
				return nil, errNotRecorded
			}
		}
	}
	return value(nil)
}

// transactionReceipt looks through all that was recorded: that is little.
func (v *evmView) transactionReceipt(c *call) (answer, *rpcError) {
	hash, err := c.transactionHash()
	if err != nil {
		return nil, err
	}
	for _, b := range v.blocks {
		if b.number > v.head {
			break
		}
		for _, r := range b.receiptList() {
			if r["transactionHash"] == hash || fmt.Sprintf("%s", r["transactionHash"]) == `"`+hash.Hex()+`"` {
				return value(r)
			}
		}
	}
	return value(nil)
}

// height reads a block number or tag. It may lie beyond the head.
func (v *evmView) height(raw json.RawMessage) (int64, *rpcError) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return 0, badParams("invalid block number: want a string")
	}
	switch s {
	case "earliest":
		return 0, nil
	case "latest", "pending":
		return v.head, nil
	case "safe":
		return v.safe(v.head), nil
	case "finalized":
		return v.finalized(v.head), nil
	}
	number, err := hexutil.DecodeUint64(s)
	if err != nil {
		return 0, badParams("invalid block number: %v", err)
	}
	if number > maxHeight {
		return 0, badParams("block number larger than %d", int64(maxHeight))
	}
	return int64(number), nil
}

// heightOrHash reads what EIP-1898 allows: a number, a tag, a hash, or an object
// that holds one of them. It reports false if no block has the hash.
func (v *evmView) heightOrHash(raw json.RawMessage) (int64, bool, *rpcError) {
	var object struct {
		BlockNumber json.RawMessage `json:"blockNumber"`
		BlockHash   *common.Hash    `json:"blockHash"`
	}
	var hash common.Hash
	if err := json.Unmarshal(raw, &object); err == nil {
		switch {
		case present(object.BlockNumber) == (object.BlockHash != nil):
			return 0, false, badParams("specify either blockHash or blockNumber")
		case object.BlockHash != nil:
			number, ok := v.number(*object.BlockHash)
			return number, ok, nil
		}
		raw = object.BlockNumber
	} else if json.Unmarshal(raw, &hash) == nil {
		number, ok := v.number(hash)
		return number, ok, nil
	}
	number, err := v.height(raw)
	return number, err == nil, err
}

func (v *evmView) getLogs(c *call) (answer, *rpcError) {
	args, rpcErr := c.arguments(1, 1)
	if rpcErr != nil {
		return nil, rpcErr
	}
	var q query
	if err := json.Unmarshal(args[0], &q); err != nil {
		return nil, badParams("invalid argument 0: %v", err)
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	from, to, err := v.span(&q)
	if err != nil {
		return nil, err
	}
	found, err := v.find(&q, from, to)
	if err != nil {
		return nil, err
	}
	return found.write, nil
}

// span resolves the blocks that a query asks for, both included.
func (v *evmView) span(q *query) (from, to int64, err *rpcError) {
	if q.BlockHash != nil {
		number, ok := v.number(*q.BlockHash)
		if !ok || number > v.head {
			return 0, 0, &rpcError{codeServer, "unknown block"}
		}
		return number, number, nil
	}
	from, to = v.head, v.head
	if present(q.FromBlock) {
		if from, err = v.height(q.FromBlock); err != nil {
			return 0, 0, err
		}
	}
	if present(q.ToBlock) {
		if to, err = v.height(q.ToBlock); err != nil {
			return 0, 0, err
		}
	}
	switch {
	case from > to:
		return 0, 0, badParams("invalid block range params")
	case to > v.head:
		return 0, 0, badParams("block range extends beyond current head block")
	case to-from >= v.limits.Blocks && v.limits.Refusal != "":
		return 0, 0, badParams("%s", v.limits.Refusal)
	case to-from >= v.limits.Blocks:
		return 0, 0, badParams("block range too large: %d blocks, maximum block range: %d", to-from+1, v.limits.Blocks)
	}
	return from, to, nil
}

// foundLogs are the logs that a query found, as the numbers of logs in blocks.
type foundLogs []struct {
	*block
	indices []int
}

// find looks for a query's logs in a range of blocks.
func (v *evmView) find(q *query, from, to int64) (foundLogs, *rpcError) {
	var found foundLogs
	count := 0
	for _, b := range v.between(from, to) {
		var indices []int
		for i := range b.logs.count() {
			if facts := b.logs.at(i); q.matches(&facts) {
				indices = append(indices, i)
			}
		}
		if count += len(indices); count > v.limits.Logs {
			return nil, tooManyLogs(v.limits.Logs, from, b.number)
		}
		found = append(found, struct {
			*block
			indices []int
		}{b, indices})
	}
	return found, nil
}

// tooManyLogs is the error, with the range that would have worked, as Infura
// gives it; a single block with too many logs gets no hint.
func tooManyLogs(most int, from, at int64) *rpcError {
	message := fmt.Sprintf("query returned more than %d results", most)
	if at > from {
		message += fmt.Sprintf(". Try with this block range [%s, %s].", quantity(from), quantity(at-1))
	}
	return &rpcError{codeLimit, message}
}

func (f foundLogs) write(w *bufio.Writer) {
	separator := []byte(nil)
	_ = w.WriteByte('[')
	for _, b := range f {
		for _, i := range b.indices {
			_, _ = w.Write(separator)
			_, _ = w.Write(b.logs.appendJSON(w.AvailableBuffer(), i))
			separator = []byte(",")
		}
	}
	_ = w.WriteByte(']')
}
