package replay

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

const (
	maxAddresses = 1000 // in one query
	maxTopics    = 1000 // in one position
)

// query is the parameter of eth_getLogs.
type query struct {
	FromBlock json.RawMessage `json:"fromBlock"`
	ToBlock   json.RawMessage `json:"toBlock"`
	BlockHash *common.Hash    `json:"blockHash"`
	Address   addresses       `json:"address"`
	Topics    []topics        `json:"topics"`
}

// addresses is one address or several; none stands for all.
type addresses []common.Address

func (a *addresses) UnmarshalJSON(data []byte) error {
	return unmarshalOneOrMany((*[]common.Address)(a), data)
}

// topics are what one position may hold; none stands for anything.
type topics []common.Hash

func (t *topics) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) && bytes.Contains(data, []byte("null")) {
		*t = nil // a null among the alternatives is anything
		return nil
	}
	return unmarshalOneOrMany((*[]common.Hash)(t), data)
}

func unmarshalOneOrMany[T any](into *[]T, data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) || bytes.Equal(data, []byte("null")) {
		return json.Unmarshal(data, into)
	}
	var one T
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*into = []T{one}
	return nil
}

// check answers what geth does to queries beyond its limits.
func (q *query) check() *rpcError {
	if len(q.Topics) > 4 {
		return &rpcError{codeInvalidParams, "exceed max topics"}
	}
	if len(q.Address) > maxAddresses || slices.ContainsFunc(q.Topics, func(t topics) bool { return len(t) > maxTopics }) {
		return &rpcError{codeInvalidParams, "exceed max addresses or topics per search position"}
	}
	if q.BlockHash != nil && (present(q.FromBlock) || present(q.ToBlock)) {
		return &rpcError{codeInvalidParams, "can't specify fromBlock/toBlock with blockHash"}
	}
	return nil
}

// matches says whether a log is asked for: its address is among the addresses,
// and each of its topics among those of the position; positions are the log's
// first ones, so that it has at least as many topics.
func (q *query) matches(l *logFacts) bool {
	if len(q.Address) > 0 && !slices.Contains(q.Address, l.address) {
		return false
	}
	if len(q.Topics) > l.topicCount {
		return false
	}
	for i, t := range q.Topics {
		if len(t) > 0 && !slices.Contains(t, l.topics[i]) {
			return false
		}
	}
	return true
}

func present(raw json.RawMessage) bool {
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}
