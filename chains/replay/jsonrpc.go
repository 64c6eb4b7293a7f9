package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/imart/event-worker/chains/internal/rpcbatch"
)

// The error codes of JSON-RPC 2.0 and of Ethereum's EIP-1474.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeNoMethod       = -32601
	codeInvalidParams  = -32602
	codeServer         = -32000
	codeLimit          = -32005
)

const (
	maxBody  = 1 << 20 // bytes
	maxBatch = 1000    // calls, geth's default
)

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string { return e.Message }

func badParams(format string, args ...any) *rpcError {
	return &rpcError{codeInvalidParams, fmt.Sprintf(format, args...)}
}

// answer writes a call's result, as JSON.
type answer func(w *bufio.Writer)

// value answers with a value. What it is given can always be marshalled.
func value(v any) (answer, *rpcError) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, &rpcError{codeServer, err.Error()}
	}
	return func(w *bufio.Writer) { _, _ = w.Write(data) }, nil
}

// call is one JSON-RPC request.
type call struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// wellFormed says whether it is a call: its id is a string, a number or null.
func (c *call) wellFormed() bool {
	return c.Version == "2.0" && c.Method != "" && (len(c.ID) == 0 || c.ID[0] != '{' && c.ID[0] != '[')
}

// arguments are the call's positional parameters: between least and most of them.
func (c *call) arguments(least, most int) ([]json.RawMessage, *rpcError) {
	var args []json.RawMessage
	if present(c.Params) {
		if err := json.Unmarshal(c.Params, &args); err != nil {
			return nil, badParams("non-array args")
		}
	}
	for i := range least {
		if i >= len(args) || !present(args[i]) {
			return nil, badParams("missing value for required argument %d", i)
		}
	}
	if len(args) > most {
		return nil, badParams("too many arguments, want at most %d", most)
	}
	return args, nil
}

// serveRPC answers one HTTP request: a call or a batch of them.
func (n *Node) serveRPC(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		http.Error(w, "invalid content type, only application/json is supported", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, "request body too large", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		return // the client is gone
	}
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriterSize(w, 64<<10)
	n.answerBody(out, bytes.TrimSpace(body))
	_ = out.Flush()
}

func (n *Node) answerBody(w *bufio.Writer, body []byte) {
	if !bytes.HasPrefix(body, []byte("[")) {
		var c call
		if err := json.Unmarshal(body, &c); err != nil {
			writeError(w, nil, malformed(err))
			return
		}
		n.answerCall(w, &c)
		return
	}
	batch, err := rpcbatch.Split(body, maxBatch)
	switch {
	case errors.Is(err, rpcbatch.ErrSize):
		writeError(w, nil, &rpcError{codeInvalidRequest, err.Error()})
	case err != nil:
		writeError(w, nil, &rpcError{codeParse, "parse error"})
	default:
		n.answerBatch(w, batch)
	}
}

// answerBatch writes an array of answers, of the calls that want one.
func (n *Node) answerBatch(w *bufio.Writer, batch []json.RawMessage) {
	calls := make([]*call, 0, len(batch))
	for _, raw := range batch {
		c := new(call)
		if err := json.Unmarshal(raw, c); err != nil {
			c = new(call) // not well-formed, and answered so
			c.ID = json.RawMessage("null")
		}
		if wantsAnswer(c) {
			calls = append(calls, c)
		}
	}
	if len(calls) == 0 {
		return
	}
	_ = w.WriteByte('[')
	for i, c := range calls {
		if i > 0 {
			_ = w.WriteByte(',')
		}
		n.answerCall(w, c)
	}
	_ = w.WriteByte(']')
}

// wantsAnswer says whether a call is not a notification.
func wantsAnswer(c *call) bool { return !c.wellFormed() || len(c.ID) > 0 }

func (n *Node) answerCall(w *bufio.Writer, c *call) {
	if !wantsAnswer(c) {
		return
	}
	if !c.wellFormed() {
		writeError(w, nil, &rpcError{codeInvalidRequest, "invalid request"})
		return
	}
	method, ok := methods[c.Method]
	if !ok {
		writeError(w, c.ID, &rpcError{codeNoMethod, fmt.Sprintf("the method %.100q does not exist/is not available", c.Method)})
		return
	}
	n.count(c.Method)
	result, err := method(&evmView{n.recording.evm, n.Head(), n.recording.Limits}, c)
	if err != nil {
		writeError(w, c.ID, err)
		return
	}
	_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":`, c.ID)
	result(w)
	_ = w.WriteByte('}')
}

func writeError(w *bufio.Writer, id json.RawMessage, err *rpcError) {
	if len(id) == 0 {
		id = json.RawMessage("null")
	}
	text, _ := json.Marshal(err)
	_, _ = fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":%s}`, id, text)
}

// malformed tells invalid JSON from JSON that is not a call.
func malformed(err error) *rpcError {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return &rpcError{codeParse, "parse error"}
	}
	return &rpcError{codeInvalidRequest, "invalid request"}
}
