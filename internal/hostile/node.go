package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Node is an EVM node that gives hostile answers to the calls of some methods, until it is
// redeemed; others, and all later ones, reach the honest node behind it.
type Node struct {
	Honest  http.Handler
	Methods []string
	Answer  Answer

	hostile  atomic.Int64
	redeemed atomic.Bool
}

// Answer is a hostile answer to a request. calls are the ids of its calls, batched in one array.
type Answer struct {
	Name  string
	Write func(w http.ResponseWriter, r *http.Request, batched bool, ids []json.RawMessage)
}

// Answered is the number of hostile answers that have been given.
func (n *Node) Answered() int64 { return n.hostile.Load() }

// Redeem makes the node honest.
func (n *Node) Redeem() { n.redeemed.Store(true) }

// ServeHTTP implements http.Handler.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if n.redeemed.Load() || !n.asks(body) {
		r.Body = io.NopCloser(bytes.NewReader(body))
		n.Honest.ServeHTTP(w, r)
		return
	}
	batched, ids := idsOf(body)
	n.Answer.Write(w, r, batched, ids)
	n.hostile.Add(1)
}

func (n *Node) asks(body []byte) bool {
	for _, method := range n.Methods {
		if bytes.Contains(body, []byte(`"`+method+`"`)) {
			return true
		}
	}
	return false
}

func idsOf(body []byte) (batched bool, ids []json.RawMessage) {
	type call struct{ ID json.RawMessage }
	var many []call
	if json.Unmarshal(body, &many) == nil {
		for _, c := range many {
			ids = append(ids, c.ID)
		}
		return true, ids
	}
	var one call
	_ = json.Unmarshal(body, &one) // it has no id otherwise
	return false, []json.RawMessage{one.ID}
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
	for {
		if _, err := io.WriteString(w, " "); err != nil {
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

// Answers are hostile answers to any method; those to eth_getLogs are of its form.
func Answers() []Answer {
	const mebi = 1 << 20
	aLog := fmt.Sprintf(log, "", 1)
	return []Answer{
		{"an endless body", whole(func(w http.ResponseWriter) { endless(w, " ") })},
		{"endless brackets", whole(func(w http.ResponseWriter) { endless(w, "[") })},
		{"an endless string", whole(func(w http.ResponseWriter) { _, _ = io.WriteString(w, `"`); endless(w, "a") })},
		{"a compression bomb", whole(bomb(" "))},
		{"a compression bomb of logs", whole(bomb(aLog + ","))},
		{"bytes at a time", trickle},
		{"endless headers", whole(func(w http.ResponseWriter) {
			for i := range 100_000 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("a", 1000))
			}
		})},
		{"redirects", func(w http.ResponseWriter, r *http.Request, _ bool, _ []json.RawMessage) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
		}},
		{"a length that is not kept", whole(func(w http.ResponseWriter) { w.Header().Set("Content-Length", "1000000000000") })},
		{"deep JSON", within(repeated("", "[", 60*mebi, ""))},
		{"deep objects", within(repeated("", `{"a":`, 10*mebi, ""))},
		{"a log of 100 MB", within(repeated(`[`+aLog[:strings.Index(aLog, `0x",`)+2], "00", 50_000_000, aLog[strings.Index(aLog, `0x",`)+2:]+"]"))},
		{"a log of 60 MB", within(repeated(`[`+aLog[:strings.Index(aLog, `0x",`)+2], "00", 30_000_000, aLog[strings.Index(aLog, `0x",`)+2:]+"]"))},
		{"ten million logs", within(repeated("["+aLog, ","+aLog, 10_000_000, "]"))},
		{"60 MB of logs", within(repeated("["+aLog, ","+aLog, 60_000_000/len(aLog), "]"))},
		{"60 MB of tiny values", within(repeated("[{}", ",{}", 20_000_000, "]"))},
		{"60 MB of topics", within(repeated(`[{"topics":["0x"`, `,"0x"`, 12_000_000, "]}]"))},
		{"a long number", within(repeated("", "9", 60_000_000, ""))},
		{"a long string", within(repeated(`"0x`, "f", 60_000_000, `"`))},
		{"a key many times", within(repeated(`{"number":"0x1"`, `,"number":"0x1"`, 4_000_000, "}"))},
		{"many keys", within(repeated(`{"a":1`, `,"aaaaaaaa":1`, 4_000_000, "}"))},
		{"a long error", whole(func(w http.ResponseWriter) {
			repeated(`{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"`, "limit ", 10_000_000, `"}}`)(w)
		})},
		{"a long page with an error's status", whole(func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadGateway)
			endless(w, "<html>")
		})},
		{"other ids", whole(func(w http.ResponseWriter) {
			repeated(`[{"jsonrpc":"2.0","id":7777777,"result":"0x1"}`, `,{"jsonrpc":"2.0","id":7777777,"result":"0x1"}`, 1_000_000, "]")(w)
		})},
		{"the same answer many times", func(w http.ResponseWriter, _ *http.Request, _ bool, ids []json.RawMessage) {
			repeated(fmt.Sprintf(`[{"id":%s,"result":null}`, ids[0]), fmt.Sprintf(`,{"id":%s,"result":null}`, ids[0]), 1_000_000, "]")(w)
		}},
	}
}
