package jsonrpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/chains/internal/endpoint"
)

// answerWith returns a client whose node gives one answer to everything.
func answerWith(t testing.TB, answer string) Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	t.Cleanup(server.Close)
	e, err := endpoint.New(endpoint.Config{URL: server.URL + "/secret-key-12345"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return Client{Endpoint: e, MaxBatch: 100}
}

func TestAnswers(t *testing.T) {
	const bad = `{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"no at secret-key-12345","data":{"x":[1]}}}`
	tests := map[string]struct {
		calls  int
		answer string
		want   string // of the results, or of the error
		code   int64  // of the error, if the node says it
	}{
		"one":                   {1, `{"jsonrpc":"2.0","id":0,"result":"a"}`, "a", 0},
		"batch":                 {2, `[{"id":0,"result":"a"},{"id":1,"result":"b"}]`, "a b", 0},
		"other order":           {2, `[{"id":1,"result":"b"},{"result":"a","id":0}]`, "a b", 0},
		"null error":            {1, `{"id":0,"result":"a","error":null}`, "a", 0},
		"one, id unknown":       {1, `{"id":null,"result":"a"}`, "a", 0},
		"error":                 {1, bad, "eth_0: no at *** (code -32000)", -32000},
		"error in a batch":      {2, `[{"id":1,"result":"b"},` + bad + `]`, "eth_0: no at *** (code -32000)", -32000},
		"error for a batch":     {2, `{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"slow down"}}`, "slow down", -32005},
		"missing":               {2, `[{"id":1,"result":"b"}]`, "eth_0: not answered", 0},
		"neither":               {1, `{"id":0}`, "neither result nor error", 0},
		"twice":                 {2, `[{"id":1,"result":"b"},{"id":1,"result":"b"}]`, "id 1", 0},
		"not asked for":         {2, `[{"id":1,"result":"b"},{"id":2,"result":"b"}]`, "id 2", 0},
		"negative id":           {2, `[{"id":1,"result":"b"},{"id":-1,"result":"b"}]`, "id -1", 0},
		"no id":                 {2, `[{"result":"a"},{"id":1,"result":"b"}]`, "without an id", 0},
		"bad result before its": {2, `[{"result":7,"id":0},{"id":1,"result":"b"}]`, "parse error", 0},
		"HTML":                  {1, `<html>`, "parse error", 0},
		"cut off":               {1, `{"id":0,"result":"a"`, "EOF", 0},
		"rest":                  {1, `{"id":0,"result":"a"} x`, "parse error", 0},
		"empty":                 {1, ``, "EOF", 0},
		"null":                  {1, `null`, "parse error", 0},
		"deep":                  {1, `{"id":0,"x":` + strings.Repeat("[", 100_000), "parse error", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			results := make([]string, test.calls)
			calls := make([]*Call, test.calls)
			for i := range calls {
				calls[i] = &Call{Method: fmt.Sprint("eth_", i), Result: func(l *jlexer.Lexer) { results[i] = l.String() }}
			}
			err := answerWith(t, test.answer).request(t.Context(), calls)
			if err == nil {
				err = FirstError(calls)
			}
			got := strings.Join(results, " ")
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) || (err == nil) != (got == test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if said, ok := errors.AsType[*Error](err); ok != (test.code != 0) || ok && said.Code != test.code {
				t.Errorf("error %v, want code %d", err, test.code)
			}
		})
	}
}

func TestWhatALongRefusalSaysIsNotCutOff(t *testing.T) {
	text := "Log response size exceeded. " + strings.Repeat("You can make eth_getLogs requests. ", 20) + "This block range should work: [0x10, 0x1f]"
	err := answerWith(t, `{"id":0,"error":{"code":-32602,"message":"`+text+`"}}`).Do(t.Context(), &Call{Method: "eth_getLogs"})
	if r := endpoint.RefusalOf(err); r.Class != endpoint.AnswerTooLarge || r.From != 16 || r.To != 31 {
		t.Errorf("%+v", r)
	}
	if err == nil || len(err.Error()) > 400 {
		t.Errorf("error of %d bytes: %.500v", len(err.Error()), err)
	}
}

func TestABatchLimitThatIsNamedIsKeptAtOnce(t *testing.T) {
	const most, wanted = 3, 100
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		var batch []struct{ ID int }
		if json.NewDecoder(r.Body).Decode(&batch); len(batch) > most {
			fmt.Fprintf(w, `{"id":null,"error":{"code":-32600,"message":"You can only send up to %d requests in a single batch"}}`, most)
			return
		}
		answers := make([]string, max(1, len(batch)))
		for i := range answers {
			answers[i] = `{"id":0,"result":"a"}`
			if len(batch) > 0 {
				answers[i] = fmt.Sprintf(`{"id":%d,"result":"a"}`, batch[i].ID)
			}
		}
		if len(batch) == 0 {
			fmt.Fprint(w, answers[0])
			return
		}
		fmt.Fprintf(w, "[%s]", strings.Join(answers, ","))
	}))
	t.Cleanup(server.Close)
	e, err := endpoint.New(endpoint.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	calls := make([]*Call, wanted)
	for i := range calls {
		calls[i] = &Call{Method: "m", Result: func(l *jlexer.Lexer) { l.SkipRecursive() }}
	}
	if err := (Client{Endpoint: e, MaxBatch: wanted}).Do(t.Context(), calls...); err != nil {
		t.Fatal(err)
	}
	if want := 1 + (wanted+most-1)/most; requests != want {
		t.Errorf("%d requests, want %d", requests, want)
	}
}
