package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/imart/event-worker/internal/printable"
)

// maxDetail bounds a detail, in bytes: it may quote the client's request.
const maxDetail = 2000

// Problem answers a request that is refused or has failed, with problem details (RFC 9457).
// The detail says what to do; it is escaped and truncated if necessary.
func Problem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, printable.Line(detail, maxDetail)})
	if err != nil {
		panic(err) // strings and integers always encode
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "ETag", "Last-Modified"} {
		h.Del(name) // of the response that was not sent
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// problemf is Problem with a formatted detail.
func problemf(w http.ResponseWriter, status int, format string, args ...any) {
	Problem(w, status, fmt.Sprintf(format, args...))
}

// later is Problem for a request that may be repeated after a delay.
func later(w http.ResponseWriter, status int, after time.Duration, detail string) {
	seconds := max(1, int64((after+time.Second-1)/time.Second))
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	Problem(w, status, detail)
}
