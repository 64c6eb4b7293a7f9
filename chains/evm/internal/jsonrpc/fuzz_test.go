package jsonrpc_test

import (
	"testing"

	"github.com/imart/event-worker/chains/evm/internal/eth"
	"github.com/imart/event-worker/chains/evm/internal/jsonrpc"
)

const goodLog = `{"address":"0x00000000006c3852cbef3e08e8df289169ede581","topics":["0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"],`

// Whatever an endpoint answers to a batch, reading it ends: every call is answered once,
// or the request fails.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`[{"id":0,"result":null},{"id":1,"result":[` + goodLog + `]},{"id":2,"error":{"code":-32000,"message":"no"}}]`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch requests are disabled"}}`))
	c := jsonrpc.AnswerWith(f, "")
	f.Fuzz(func(t *testing.T, text []byte) {
		var h eth.Header
		var logs eth.LogScanner
		var receipts eth.ReceiptsScanner
		calls := []*jsonrpc.Call{eth.BlockByNumber("latest", &h), {Method: "eth_getLogs", Result: logs.Scan}, {Method: "eth_getBlockReceipts", Result: receipts.Scan}}
		if err := c.Scan(text, calls, 0); err == nil {
			for _, call := range calls {
				if !call.Answered && call.Err == nil {
					t.Fatal("a call is neither answered nor refused")
				}
			}
		}
	})
}
