package transactions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

// timeout bounds one request.
const timeout = 30 * time.Second

// Fetch asks a node for a transaction and, on EVM chains, for the chain id, which is 0 on
// Aptos. On Aptos the hash may be a version. The URL is secret.
func Fetch(ctx context.Context, kind markets.ChainKind, url, hash string) (Transaction, uint64, error) {
	e, err := endpoint.New(endpoint.Config{URL: url, Timeout: timeout})
	if err != nil {
		return Transaction{}, 0, err
	}
	defer e.Close()
	if kind == markets.Aptos {
		t, err := fetchAptos(ctx, e, hash)
		return t, 0, err
	}
	return fetchEVM(ctx, e, hash)
}

func fetchAptos(ctx context.Context, e *endpoint.Endpoint, hash string) (Transaction, error) {
	by := "by_version"
	if strings.HasPrefix(hash, "0x") {
		by = "by_hash"
	}
	var path []string
	if !strings.HasSuffix(strings.TrimSuffix(e.Path(), "/"), "/v1") {
		path = append(path, "v1")
	}
	answer, err := e.Get(ctx, nil, append(path, "transactions", by, hash)...)
	if err != nil {
		return Transaction{}, err
	}
	defer answer.Release()
	all, err := parseAptos(answer.Body())
	if err != nil {
		return Transaction{}, e.Errorf("%w", err)
	}
	return all[0], nil
}

func fetchEVM(ctx context.Context, e *endpoint.Endpoint, hash string) (Transaction, uint64, error) {
	var id hexutil.Uint64
	if err := ask(ctx, e, &id, "eth_chainId"); err != nil {
		return Transaction{}, 0, err
	}
	var receipt struct {
		BlockHash string `json:"blockHash"`
		Logs      []log  `json:"logs"`
		envelope         // without the value
	}
	if err := ask(ctx, e, &receipt, "eth_getTransactionReceipt", hash); err != nil {
		return Transaction{}, 0, err
	}
	var block struct {
		Timestamp hexutil.Uint64 `json:"timestamp"`
	}
	if err := ask(ctx, e, &block, "eth_getBlockByHash", receipt.BlockHash, false); err != nil {
		return Transaction{}, 0, err
	}
	sent := envelope{}
	if err := ask(ctx, e, &sent, "eth_getTransactionByHash", hash); err != nil {
		sent = receipt.envelope // most definitions do without the value
	}
	all, err := evmTransactions(receipt.Logs, timeOf(block.Timestamp))
	if err != nil {
		return Transaction{}, 0, e.Errorf("%w", err)
	}
	if len(all) == 0 {
		return Transaction{Hash: hash, Kind: markets.EVM}, uint64(id), nil
	}
	all[0].setEnvelope(sent)
	return all[0], uint64(id), nil
}

var errNull = errors.New("unknown to the node")

// ask makes one JSON-RPC call.
func ask(ctx context.Context, e *endpoint.Endpoint, into any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	answer, err := e.Post(ctx, body)
	if err != nil {
		return err
	}
	defer answer.Release()
	var reply struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int64  `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer.Body(), &reply); err != nil {
		return e.Errorf("%s: %w", method, err)
	}
	switch {
	case reply.Error != nil:
		return e.Errorf("%s: %.200s (code %d)", method, reply.Error.Message, reply.Error.Code)
	case len(reply.Result) == 0 || string(reply.Result) == "null":
		return e.Errorf("%s %v: %w", method, params, errNull)
	}
	if err := json.Unmarshal(reply.Result, into); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}
