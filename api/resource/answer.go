package resource

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/imart/event-worker/api"
)

// badRequest is an error of the client, missing of a document that is not there.
type (
	badRequest struct{ detail string }
	missing    struct{ detail string }
)

// Error implements error.
func (b badRequest) Error() string { return b.detail }

// Error implements error.
func (m missing) Error() string { return m.detail }

// ErrNobody says that no worker runs that could execute a request.
var ErrNobody = errors.New("no worker runs on the data that could execute the request: start one, and send the request again")

// errCrowded says that other queries take the store's time.
var errCrowded = errors.New("too many queries are waiting for the database: try again")

// errSpent says that the worker needs the processors.
var errSpent = errors.New("lists have taken their share of the worker's time: try again later, filter by fields with an index, run serve beside the worker, or keep the data in MongoDB")

// fail answers a request that has failed.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var bad badRequest
	var none missing
	switch {
	case errors.As(err, &bad):
		api.Problem(w, http.StatusBadRequest, bad.detail)
	case errors.As(err, &none):
		api.Problem(w, http.StatusNotFound, none.detail)
	case errors.Is(err, ErrNobody):
		api.Problem(w, http.StatusServiceUnavailable, err.Error())
	case errors.Is(err, errCrowded), errors.Is(err, errSpent):
		w.Header().Set("Retry-After", "1")
		api.Problem(w, http.StatusServiceUnavailable, err.Error())
	case errors.Is(r.Context().Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		api.Problem(w, http.StatusGatewayTimeout, "the query took too long: ask for less by a filter on fields with an index, or sort by such a field")
	case r.Context().Err() != nil: // the client has gone
	default:
		s.complain.Do(func() { s.Log.Warn("the database does not answer the API", "path", r.URL.Path, "reason", err) })
		w.Header().Set("Retry-After", "1")
		api.Problem(w, http.StatusServiceUnavailable, "the database does not answer: try again; the worker's log says why")
	}
}

// tagged is JSON and the ETag of it.
type tagged struct {
	body []byte
	tag  string
}

func tag(body []byte) tagged {
	sum := sha256.Sum256(body)
	return tagged{body, `"` + hex.EncodeToString(sum[:16]) + `"`}
}

// send answers with it, or says that the client has it already.
func (t tagged) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", t.tag)
	h.Set("Cache-Control", "no-cache")
	if knows(r.Header.Values("If-None-Match"), t.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(t.body)
}

// knows reports whether a tag is in If-None-Match, whose tags are compared weakly (RFC 9110).
func knows(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// queue bounds how many queries run at a time, since more of them would take the processors from
// the worker and be no sooner done; and the share of the time that they take, if there is one.
type queue struct {
	running, waiting chan struct{}
	spent            *rate.Limiter // of milliseconds; nil if they may take all
}

// saved is for how long queries may take more than their share, if they took less before.
const saved = 3 * time.Second

func newQueue(share float64) queue {
	n := max(2, runtime.GOMAXPROCS(0))
	q := queue{running: make(chan struct{}, n), waiting: make(chan struct{}, 8*n)}
	if share > 0 {
		q.spent = rate.NewLimiter(rate.Limit(share*1000), int(saved.Milliseconds()))
	}
	return q
}

// do runs a query when it is its turn.
func (q queue) do(ctx context.Context, query func() error) error {
	select {
	case q.waiting <- struct{}{}:
		defer func() { <-q.waiting }()
	default:
		return errCrowded
	}
	select {
	case q.running <- struct{}{}:
		defer func() { <-q.running }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if q.spent != nil {
		if q.spent.Tokens() < 0 {
			return errSpent
		}
		begun := time.Now()
		defer func() { q.spend(time.Since(begun)) }()
	}
	return query()
}

// spend takes a time from what queries may take.
func (q queue) spend(took time.Duration) {
	for left := int(took.Milliseconds()); left > 0; left -= q.spent.Burst() {
		q.spent.ReserveN(time.Now(), min(left, q.spent.Burst()))
	}
}
