package devnet

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/rpc"
)

// The server marshals results by their own MarshalJSON, which panics on a nil *types.Header.
func TestABlockThatDoesNotExistIsNull(t *testing.T) {
	handler, err := Serve(NewChain("test", 1))
	if err != nil {
		t.Fatal(err)
	}
	client := rpc.DialInProc(handler.(*rpc.Server))
	defer client.Close()
	unknown := "0x" + strings.Repeat("1", 64)
	for method, block := range map[string]string{"eth_getBlockByNumber": "0x10", "eth_getBlockByHash": unknown} {
		var result json.RawMessage
		if err := client.CallContext(t.Context(), &result, method, block, false); err != nil || string(result) != "null" {
			t.Errorf("%s: %s, %v", method, result, err)
		}
	}
}
