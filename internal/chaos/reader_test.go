package main

import (
	"net/http"
	"testing"

	"github.com/imart/event-worker/internal/chaos/linear"
)

func TestResponses(t *testing.T) {
	page, one := linear.Pages("chain-01", "c")[0], linear.ByID("chain-01", "chain-01/seaport/a")
	const position = "82000000050000000929"
	for _, test := range []struct {
		name     string
		query    *linear.Query
		status   int
		position string
		body     string
		answer   string // empty: nothing
		after    uint64
		fails    bool
	}{
		{name: "a page", query: page, status: 200, position: position, body: `{"data":[` + "\n" + `{"_id":"b","final":true},` + "\n" + `{"_id":"a","price":"1","final":false}],"next":null}`, answer: `{"_id":"b"}` + "\n" + `{"_id":"a","price":"1"}`, after: 5<<32 | 9},
		{name: "an empty page", query: page, status: 200, position: position, body: `{"data":[],"next":null}`, after: 5<<32 | 9},
		{name: "an order", query: one, status: 200, body: `{"_id":"a","final":true}` + "\n", answer: `{"_id":"a"}`},
		{name: "no order", query: one, status: 404, body: `{"title":"Not Found"}`},
		{name: "no page", query: page, status: 404, fails: true},
		{name: "a page without a position", query: page, status: 200, body: `{"data":[]}`, fails: true},
		{name: "a page that is cut off", query: page, status: 200, position: position, body: `{"data":[`, fails: true},
		{name: "a refusal", query: one, status: 400, fails: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := linear.Read{Query: test.query}
			response := &http.Response{StatusCode: test.status, Header: http.Header{"Feed-Position": {test.position}}}
			_, err := decode(&read, response, []byte(test.body))
			if (err != nil) != test.fails {
				t.Errorf("the error is %v", err)
			}
			if err == nil && (read.Answer != test.answer || read.After != test.after) {
				t.Errorf("the answer is %q after %x", read.Answer, read.After)
			}
		})
	}
}
