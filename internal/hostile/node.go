package hostile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"
)

// Node is a node that gives hostile answers to the calls of some methods, over HTTP or a
// WebSocket, until it is redeemed; others, and all later ones, reach the honest node behind
// it.
type Node struct {
	Honest  http.Handler
	Methods []string // of JSON-RPC, or parts of paths
	Answer  Answer

	hostile  atomic.Int64
	redeemed atomic.Bool
}

// Answer is a hostile answer: to a whole request, of whose calls the ids are given, or to
// each eth_getLogs in it.
type Answer struct {
	Name  string
	Write func(w http.ResponseWriter, r *http.Request, batched bool, ids []json.RawMessage)
	Logs  func(w io.Writer, q query)
	// Frames begins a WebSocket's bytes, in place of any answer, and Frame repeats after it.
	Frames, Frame string
}

// Answered is the number of hostile answers that have been given.
func (n *Node) Answered() int64 { return n.hostile.Load() }

// Redeem makes the node honest.
func (n *Node) Redeem() { n.redeemed.Store(true) }

// ServeHTTP implements http.Handler.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "websocket" {
		n.serveWebSocket(w, r)
		return
	}
	if body, err := io.ReadAll(r.Body); err == nil {
		n.answer(w, r, body)
	}
}

func (n *Node) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	if n.redeemed.Load() || !n.asks(r.URL.Path, body) {
		r.Body = io.NopCloser(bytes.NewReader(body))
		n.Honest.ServeHTTP(w, r)
		return
	}
	batched, calls := callsOf(body)
	if n.Answer.Logs != nil {
		n.answerEach(w, batched, calls)
	} else {
		n.Answer.Write(w, r, batched, idsOf(calls))
	}
	n.hostile.Add(1)
}

// answerEach answers each call: those of eth_getLogs with hostile logs, others as the
// honest node.
func (n *Node) answerEach(w http.ResponseWriter, batched bool, calls []json.RawMessage) {
	w.Header().Set("Content-Type", "application/json")
	separator := "["
	for _, text := range calls {
		if batched {
			_, _ = io.WriteString(w, separator)
			separator = ","
		}
		var call struct {
			ID     json.RawMessage
			Method string
			Params []query
		}
		if json.Unmarshal(text, &call) == nil && call.Method == "eth_getLogs" && len(call.Params) == 1 {
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":`, call.ID)
			n.Answer.Logs(w, call.Params[0])
			_, _ = io.WriteString(w, "}")
			continue
		}
		honest := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		n.Honest.ServeHTTP(honest, r)
		_, _ = w.Write(honest.Body.Bytes())
	}
	if batched {
		_, _ = io.WriteString(w, "]")
	}
}

// asks reports whether a request has a call of the methods, or their path.
func (n *Node) asks(path string, body []byte) bool {
	for _, method := range n.Methods {
		if strings.Contains(path, method) || bytes.Contains(body, []byte(`"`+method+`"`)) {
			return true
		}
	}
	return false
}

func callsOf(body []byte) (batched bool, calls []json.RawMessage) {
	if json.Unmarshal(body, &calls) == nil {
		return true, calls
	}
	return false, []json.RawMessage{body}
}

func idsOf(calls []json.RawMessage) (ids []json.RawMessage) {
	for _, text := range calls {
		var call struct{ ID json.RawMessage }
		_ = json.Unmarshal(text, &call) // it has no id otherwise
		ids = append(ids, call.ID)
	}
	return ids
}

// flood is the most that an answer without an end writes: a client has long given up.
const flood = 4 << 30

// endless writes a part over and over.
func endless(w io.Writer, part string) {
	chunk := []byte(strings.Repeat(part, 1+(256<<10)/len(part)))
	for written := 0; written < flood; written += len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

const log = `{"address":"0x00000000000000adc04c56bf30ac9d3c0aaf14dc","topics":["0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"],"data":"0x%s",` +
	`"blockNumber":"0x1","blockHash":"0x1111111111111111111111111111111111111111111111111111111111111111","transactionHash":"0x2222222222222222222222222222222222222222222222222222222222222222",` +
	`"transactionIndex":"0x0","logIndex":"0x%x","removed":false}`

// within writes answers to all calls, each with the same result.
func within(result func(w io.Writer)) func(http.ResponseWriter, *http.Request, bool, []json.RawMessage) {
	return func(w http.ResponseWriter, _ *http.Request, batched bool, ids []json.RawMessage) {
		w.Header().Set("Content-Type", "application/json")
		separator := "["
		for _, id := range ids {
			if batched {
				_, _ = io.WriteString(w, separator)
				separator = ","
			}
			_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":`, id)
			result(w)
			_, _ = io.WriteString(w, "}")
		}
		if batched {
			_, _ = io.WriteString(w, "]")
		}
	}
}

// whole writes all of the answer, whatever was asked.
func whole(write func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request, bool, []json.RawMessage) {
	return func(w http.ResponseWriter, _ *http.Request, _ bool, _ []json.RawMessage) { write(w) }
}

// repeated writes a part some times, between brackets.
func repeated(open, part string, times int, end string) func(io.Writer) {
	return func(w io.Writer) {
		_, _ = io.WriteString(w, open)
		text := []byte(strings.Repeat(part, 1000))
		for range times / 1000 {
			if _, err := w.Write(text); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, end)
	}
}

// bomb compresses an endless part: 4 GiB are a few MiB.
func bomb(part string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		endless(z, part)
		_ = z.Close()
	}
}

// trickle writes a byte at a time, until the client is gone.
func trickle(w http.ResponseWriter, r *http.Request, _ bool, _ []json.RawMessage) {
	part := " "
	if _, ok := w.(message); ok { // which sends whole frames only
		part = strings.Repeat(part, 8<<10)
	}
	for {
		if _, err := io.WriteString(w, part); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// query is the parameter of eth_getLogs.
type query struct {
	ToBlock string
	Address json.RawMessage
	Topics  []json.RawMessage
}

// matching writes logs that match a query: as many as have a size together. Their indexes
// are all the same, or follow on each other.
func matching(size int, one bool) func(w io.Writer, q query) {
	return func(w io.Writer, q query) {
		out := bufio.NewWriter(w)
		defer out.Flush()
		address, topic := first(q.Address), `"0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31"`
		if len(q.Topics) > 0 {
			topic = first(q.Topics[0])
		}
		var last int64
		_, _ = fmt.Sscan(q.ToBlock, &last) // 0 if it is a tag
		separator := "["
		for i := 0; i*500 < size; i++ {
			index := i
			if one {
				index = 1
			}
			_, _ = fmt.Fprintf(out, `%s{"address":%s,"topics":[%s],"data":"0x%064x","blockNumber":"0x%x","blockHash":"0x%064x","transactionHash":"0x%064x","transactionIndex":"0x0","logIndex":"0x%x","removed":false}`,
				separator, address, topic, i, last-1, 1, 2, index)
			separator = ","
		}
		_, _ = out.WriteString("]")
	}
}

// first is a value, or the first of a list.
func first(oneOrMany json.RawMessage) string {
	var many []json.RawMessage
	if json.Unmarshal(oneOrMany, &many) == nil && len(many) > 0 {
		return string(many[0])
	}
	return string(oneOrMany)
}

// Answers are hostile answers to any method; those to eth_getLogs are of its form.
func Answers() []Answer {
	const mebi = 1 << 20
	aLog := fmt.Sprintf(log, "", 1)
	return []Answer{
		{Name: "an endless body", Write: whole(func(w http.ResponseWriter) { endless(w, " ") })},
		{Name: "endless brackets", Write: whole(func(w http.ResponseWriter) { endless(w, "[") })},
		{Name: "an endless string", Write: whole(func(w http.ResponseWriter) { _, _ = io.WriteString(w, `"`); endless(w, "a") })},
		{Name: "a compression bomb", Write: whole(bomb(" "))},
		{Name: "a compression bomb of logs", Write: whole(bomb(aLog + ","))},
		{Name: "bytes at a time", Write: trickle},
		{Name: "endless headers", Write: whole(func(w http.ResponseWriter) {
			for i := range 100_000 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("a", 1000))
			}
		})},
		{Name: "redirects", Write: func(w http.ResponseWriter, r *http.Request, _ bool, _ []json.RawMessage) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
		}},
		{Name: "a length that is not kept", Write: whole(func(w http.ResponseWriter) { w.Header().Set("Content-Length", "1000000000000") })},
		{Name: "deep JSON", Write: within(repeated("", "[", 60*mebi, ""))},
		{Name: "deep objects", Write: within(repeated("", `{"a":`, 10*mebi, ""))},
		{Name: "a log of 100 MB", Write: within(repeated(`[`+aLog[:strings.Index(aLog, `0x",`)+2], "00", 50_000_000, aLog[strings.Index(aLog, `0x",`)+2:]+"]"))},
		{Name: "a log of 60 MB", Write: within(repeated(`[`+aLog[:strings.Index(aLog, `0x",`)+2], "00", 30_000_000, aLog[strings.Index(aLog, `0x",`)+2:]+"]"))},
		{Name: "ten million logs", Write: within(repeated("["+aLog, ","+aLog, 10_000_000, "]"))},
		{Name: "60 MB of logs", Write: within(repeated("["+aLog, ","+aLog, 60_000_000/len(aLog), "]"))},
		{Name: "60 MB of logs that match", Logs: matching(60_000_000, false)},
		{Name: "60 MB of logs of one index", Logs: matching(60_000_000, true)},
		{Name: "60 MB of tiny values", Write: within(repeated("[{}", ",{}", 20_000_000, "]"))},
		{Name: "60 MB of topics", Write: within(repeated(`[{"topics":["0x"`, `,"0x"`, 12_000_000, "]}]"))},
		{Name: "a long number", Write: within(repeated("", "9", 60_000_000, ""))},
		{Name: "a long string", Write: within(repeated(`"0x`, "f", 60_000_000, `"`))},
		{Name: "a key many times", Write: within(repeated(`{"number":"0x1"`, `,"number":"0x1"`, 4_000_000, "}"))},
		{Name: "many keys", Write: within(repeated(`{"a":1`, `,"aaaaaaaa":1`, 4_000_000, "}"))},
		{Name: "a long error", Write: whole(func(w http.ResponseWriter) {
			repeated(`{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"`, "limit ", 10_000_000, `"}}`)(w)
		})},
		{Name: "a long page with an error's status", Write: whole(func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadGateway)
			endless(w, "<html>")
		})},
		{Name: "other ids", Write: whole(func(w http.ResponseWriter) {
			repeated(`[{"jsonrpc":"2.0","id":7777777,"result":"0x1"}`, `,{"jsonrpc":"2.0","id":7777777,"result":"0x1"}`, 1_000_000, "]")(w)
		})},
		{Name: "the same answer many times", Write: func(w http.ResponseWriter, _ *http.Request, _ bool, ids []json.RawMessage) {
			repeated(fmt.Sprintf(`[{"id":%s,"result":null}`, ids[0]), fmt.Sprintf(`,{"id":%s,"result":null}`, ids[0]), 1_000_000, "]")(w)
		}},
	}
}
