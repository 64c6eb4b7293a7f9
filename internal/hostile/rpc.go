package hostile

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Posts are attacks on a listener of JSON-RPC at a path, by bodies of up to its limit.
func Posts(many int, path string, limit int) []Attack {
	all := func(length int, body string) func(testing.TB, Target, string) Release {
		return func(t testing.TB, to Target, _ string) Release {
			t.Helper()
			return to.hold(t, many, to.request("POST", path, "Content-Type: application/json", fmt.Sprint("Content-Length: ", length))+"\r\n"+body)
		}
	}
	call := `{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x0","toBlock":"latest"}]},`
	calls := "[" + strings.Repeat(call, 999) + strings.TrimSuffix(call, ",") + "]"
	return []Attack{
		{"bodies without their last byte", all(limit, strings.Repeat("[", limit-1))},
		{"deep JSON", all(limit, strings.Repeat("[", limit))},
		{"a long number", all(limit, strings.Repeat("9", limit))},
		{"many small values", all(limit-1, "["+strings.Repeat("1,", limit/2-2)+"1]")},
		{"a thousand calls", all(len(calls), calls)},
	}
}

// TooLarge is a body that is larger than a listener of JSON-RPC reads.
func TooLarge(to Target, path string, limit int) Shape {
	text := to.request("POST", path, "Content-Type: application/json", fmt.Sprint("Content-Length: ", limit+1)) + "\r\n" + strings.Repeat(" ", limit+1)
	return Shape{"a body that is too large", text, []int{http.StatusRequestEntityTooLarge}}
}
