package hostile

import (
	"fmt"
	"testing"
)

// Attack is an attack on a listener. Path serves GET.
type Attack struct {
	Name string
	Run  func(t testing.TB, to Target, path string) Release
}

// Held are attacks that keep connections open. Many is more than any listener accepts.
func Held(many int) []Attack {
	all := func(text func(to Target, path string) string) func(testing.TB, Target, string) Release {
		return func(t testing.TB, to Target, path string) Release {
			t.Helper()
			return to.hold(t, many, text(to, path))
		}
	}
	return []Attack{
		{"silent connections", all(func(Target, string) string { return "" })},
		{"slow headers", all(func(to Target, path string) string { return to.request("GET", path, "X-Slow: ") })},
		{"idle connections", all(func(to Target, path string) string { return to.request("GET", path) + "\r\n" })},
		{"slow bodies", all(func(to Target, path string) string {
			return to.request("POST", path, "Content-Type: application/json", "Content-Length: 1000") + "\r\n["
		})},
		{"bodies of GET", all(func(to Target, path string) string {
			return to.request("GET", path, "Content-Length: 1000000") + "\r\n"
		})},
		{"slow chunks", all(func(to Target, path string) string {
			return to.request("POST", path, "Content-Type: application/json", "Transfer-Encoding: chunked") + "\r\n1\r\n[\r\nffff"
		})},
		{"requests without readers", all(func(to Target, path string) string {
			var text string
			for i := range 50 { // pipelined
				text += to.request("GET", fmt.Sprintf("%s?%d", path, i)) + "\r\n"
			}
			return text
		})},
	}
}
