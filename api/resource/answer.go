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

type (
	// badRequest means that the client's request is invalid.
	badRequest struct{ detail string }
	// missing means that a document does not exist.
	missing struct{ detail string }
)

// Error implements error.
func (b badRequest) Error() string { return b.detail }

// Error implements error.
func (m missing) Error() string { return m.detail }

// ErrNobody means that no running worker could execute a request.
var ErrNobody = errors.New("no worker runs on these data, so the request cannot be executed: start one, and send the request again")

// errCrowded means that too many queries are waiting.
var errCrowded = errors.New("too many queries are waiting for the database: try again")

// errSpent means that lists have used up their share of the worker's time.
var errSpent = errors.New("lists of the data folder have used up their share of the worker's time: try again later, filter by fields with an index, run serve beside the worker, or keep the data in MongoDB")

// fail answers a failed request.
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
		api.Problem(w, http.StatusGatewayTimeout, "the query took too long: filter or sort by fields with an index")
	case r.Context().Err() != nil: // the client has disconnected, or the server is being closed
		w.Header().Set("Retry-After", "1")
		api.Problem(w, http.StatusServiceUnavailable, "the request was interrupted, as when the worker stops: send it again")
	default:
		s.complain.Do(func() { s.Log.Warn("the database does not answer the API", "path", r.URL.Path, "reason", err) })
		w.Header().Set("Retry-After", "1")
		api.Problem(w, http.StatusServiceUnavailable, "the database does not answer: try again; the worker's log says why")
	}
}

// tagged is a JSON body and its ETag.
type tagged struct {
	body []byte
	tag  string
}

func tag(body []byte) tagged {
	sum := sha256.Sum256(body)
	return tagged{body, `"` + hex.EncodeToString(sum[:16]) + `"`}
}

// send answers with the body, or with 304 if the client has it already.
func (t tagged) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", t.tag)
	h.Set("Cache-Control", "no-cache")
	if matches(r.Header.Values("If-None-Match"), t.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(t.body)
}

// matches reports whether If-None-Match contains a tag, compared weakly (RFC 9110).
func matches(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// queue bounds the number of queries that run at the same time, since more of them would take
// processors from the worker without finishing sooner. It may also bound their share of the
// time.
type queue struct {
	running, waiting chan struct{}
	budget           *rate.Limiter // in milliseconds of queries; nil: no limit
}

// maxSaved is how much unused time queries may save up to exceed their share later.
const maxSaved = 3 * time.Second

func newQueue(share float64) queue {
	n := max(2, runtime.GOMAXPROCS(0))
	q := queue{running: make(chan struct{}, n), waiting: make(chan struct{}, 8*n)}
	if share > 0 {
		q.budget = rate.NewLimiter(rate.Limit(share*1000), int(maxSaved.Milliseconds()))
	}
	return q
}

// do waits for a free place and runs a query. Its errors are errCrowded, errSpent, and those
// of ctx and the query.
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
	if q.budget != nil {
		if q.budget.Tokens() < 0 {
			return errSpent
		}
		started := time.Now()
		defer func() { q.spend(time.Since(started)) }()
	}
	return query()
}

// spend takes the duration of a query from the budget.
func (q queue) spend(took time.Duration) {
	for left := int(took.Milliseconds()); left > 0; left -= q.budget.Burst() {
		q.budget.ReserveN(time.Now(), min(left, q.budget.Burst()))
	}
}
