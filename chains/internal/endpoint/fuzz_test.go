package endpoint

import (
	"bytes"
	"testing"
)

// Whatever an endpoint sends over a connection: at most one of the requests that wait is
// answered, by a message with its ids only or by an error without ids; only a notification
// announces a head; and the memory of what is dropped is returned.
func FuzzDispatch(f *testing.F) {
	for _, message := range []string{
		`{"jsonrpc":"2.0","id":3,"result":"0x1"}`, `[{"id":6,"result":1},{"id":5,"error":{"code":1}}]`, `{"id":null,"error":{"code":-32600,"message":"batch too large"}}`,
		`{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":{"number":"0x7"}}}`, `[{"id":3},{"id":5}]`, `{"method":"eth_subscription","error":{}}`,
		`{"method":7}`, `[]`, `{"id":3}{"id":5}`, `{"method":"eth_subscription"}0`, `{"id":9223372036854775808}`, `{"id":"3"}`, "[[[[", "",
	} {
		f.Add([]byte(message))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		heads := 0
		budget := NewBudget(DefaultBudget)
		owner := &socket{Endpoint: &Endpoint{budget: budget, maxBody: 1 << 20}, heads: func() { heads++ }}
		c := &connection{owner: owner, waiting: map[int64]*exchange{}}
		waiting := []*exchange{c.expect(3, 3), c.expect(5, 7)}
		answer, err := owner.read(t.Context(), nil, bytes.NewReader(message), 0)
		if err != nil {
			t.Skip(err)
		}
		c.dispatch(answer)
		least, greatest, err := idsOf(message)
		answered := 0
		for _, x := range waiting {
			if !c.forget(x) {
				continue
			}
			answered++
			if !bytes.Equal(x.answer.Body(), message) {
				t.Fatalf("%q is given as %q", message, x.answer.Body())
			}
			if err == nil && (least < x.first || greatest >= x.first+x.count) || err != nil && (x.count == 1 || kindOf(message) != isError) {
				t.Fatalf("%q answers the request of %d", message, x.first)
			}
			x.answer.Release()
		}
		if answered > 1 || answered+heads > 1 {
			t.Fatalf("%q: %d answers, %d heads", message, answered, heads)
		}
		if heads > 0 && (err == nil || !bytes.HasPrefix(bytes.TrimSpace(message), []byte("{"))) {
			t.Fatalf("%q announces a head", message)
		}
		if budget.TryLease(DefaultBudget-DefaultBudget*2/3) == nil {
			t.Fatal("memory is kept")
		}
	})
}
