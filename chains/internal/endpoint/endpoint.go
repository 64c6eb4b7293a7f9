// Package endpoint speaks with the nodes of a chain. Nodes are not trusted.
//
// What it guarantees:
//   - Answers are bounded in size and time, and all answers in flight share one budget of bytes
//     (budget.go). An answer that has started can always be read to its end.
//   - URLs and headers are secret, as providers put keys into them: errors name the host only.
//   - Every error has one class (class.go). The table of what providers say is refusals.go: to
//     teach a new error message, add a row there and a line to refusals_test.go.
//   - A Pool asks the fittest endpoint and goes on with the next when it fails (pool.go); an
//     endpoint proves that it serves the configured chain before it is used, and again after its
//     connection was lost.
//   - A refused rate pauses the endpoint and lowers its rate, which then grows again
//     (limiter.go); a refused size is found by bisection and remembered (limits.go).
//
// For example, a pool of A (priority 0) and B (priority 1), both up:
//
//	1st request   A: HTTP 502, its first failure       B answers
//	2nd, 3rd      A: HTTP 502, its second and third    B answers; A is down for 0.5 s
//	4th           –                                    B answers: A is not asked while it is down
//	0.5 s later   A answers, and is up again
//
// Had every endpoint failed, the error of the last one is returned, and the next request waits
// for the one that is back first, 2 s at most. A refusal of size (too many blocks or results)
// is not failed over: the caller asks for less.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/imart/event-worker/chains/internal/secret"
)

// ErrTimeout: the endpoint did not answer in time.
var (
	// ErrTimeout says that the endpoint did not answer in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrTooLarge says that the answer was larger than Config.MaxBody.
	ErrTooLarge = errors.New("answer too large")
)

// StatusError: the endpoint answered with another status than 200.
type StatusError struct {
	Host   string
	Status int
	Text   string        // the beginning of the answer, without the endpoint's secrets
	Wait   time.Duration // the answer's Retry-After
	Header http.Header   // of the answer

	refusal Refusal // the meaning of the whole text; without class: that of Text
}

func (e *StatusError) Error() string {
	text := http.StatusText(e.Status)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return fmt.Sprintf("%s answered %d %s", e.Host, e.Status, text)
}

// Refusal is the answer's meaning.
func (e *StatusError) Refusal() Refusal {
	r := e.refusal
	if r.Class == "" {
		r = Classify(e.Status, 0, e.Text)
	}
	if e.Wait > 0 {
		r.Wait = e.Wait
	}
	return r
}

// Config describes an endpoint.
type Config struct {
	URL      string        // http or https, ws or wss for JSON-RPC; all but the host is secret
	Header   http.Header   // sent with each request; secret
	Priority int           // the lowest is preferred; equal ones share the load
	Rate     float64       // requests a second at most; 0: no limit
	Pacing   Pacing        // after refusals for the rate; DefaultPacing if zero
	Timeout  time.Duration // of one request with its answer; 30 s if zero
	MaxBody  int64         // bytes of an answer, decompressed; 64 MiB if zero, or what Budget allows
	Budget   *Budget       // of the bytes of all answers in flight; one of its own if nil
	// Transport carries the requests to http and https; a transport of its own if nil.
	Transport http.RoundTripper
}

// Endpoint is one node's interface. It may be used by many goroutines.
type Endpoint struct {
	base      *url.URL
	priority  int
	timeout   time.Duration
	maxBody   int64
	budget    *Budget
	transport transport
	redactor  *secret.Redactor
	buffers   sync.Pool // of *[]byte
	limiter   *limiter
	health    health
	Limits    Limits
}

// transport is how requests reach a node.
type transport interface {
	// roundTrip sends a request and hands the answer's body to read, which must read
	// it before it returns.
	roundTrip(ctx context.Context, method string, at *url.URL, body []byte) (Answer, error)
	close()
}

// New makes an endpoint. It connects to nothing yet.
func New(cfg Config) (*Endpoint, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Host == "" {
		return nil, errors.New("endpoint URL must be http://host… or https://host…") // the URL itself is secret
	}
	e := &Endpoint{
		base:     base,
		priority: cfg.Priority,
		timeout:  cfg.Timeout,
		maxBody:  cfg.MaxBody,
		budget:   cfg.Budget,
		redactor: secret.New(base, cfg.Header),
		limiter:  newLimiter(cfg.Rate, cfg.Pacing),
	}
	if e.timeout <= 0 {
		e.timeout = 30 * time.Second
	}
	if e.budget == nil {
		e.budget = NewBudget(DefaultBudget)
	}
	if e.maxBody <= 0 || e.maxBody > e.budget.largest {
		e.maxBody = e.budget.largest
	}
	switch base.Scheme {
	case "http", "https":
		e.transport = newHTTP(e, cfg)
	case "ws", "wss":
		e.transport = newSocket(e, cfg.Header.Clone())
	default:
		return nil, errors.New("endpoint URL must be http://host… or https://host…")
	}
	return e, nil
}

// Host is the endpoint's name in logs and errors.
func (e *Endpoint) Host() string { return e.base.Host }

// Path is the path of the endpoint's URL. It is secret.
func (e *Endpoint) Path() string { return e.base.Path }

// KeepsConnection says whether all requests share one connection, so that the ids of their
// calls must differ.
func (e *Endpoint) KeepsConnection() bool {
	_, ok := e.transport.(*socket)
	return ok
}

// Close closes connections.
func (e *Endpoint) Close() { e.transport.close() }

// Redact returns text from the endpoint, shortened, printable and without secrets.
func (e *Endpoint) Redact(text string) string { return e.redactor.Text(text) }

// Errorf returns an error that names the endpoint.
func (e *Endpoint) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", e.Host(), fmt.Errorf(format, args...))
}

// Malformed returns an error that says what is wrong with an answer.
func (e *Endpoint) Malformed(format string, args ...any) error {
	return e.Errorf("%w", &MalformedError{fmt.Errorf(format, args...)})
}

// Post posts JSON to the endpoint's URL.
func (e *Endpoint) Post(ctx context.Context, body []byte) (Answer, error) {
	return e.PostCalls(ctx, 1, body)
}

// PostCalls posts a JSON-RPC request of a number of calls.
func (e *Endpoint) PostCalls(ctx context.Context, calls int, body []byte) (Answer, error) {
	return e.do(ctx, calls, http.MethodPost, e.base, body)
}

// Get reads a path below the endpoint's URL. Segments are escaped; the query of the URL, which
// may hold a key, is kept.
func (e *Endpoint) Get(ctx context.Context, query url.Values, segments ...string) (Answer, error) {
	escaped := make([]string, len(segments))
	for i, s := range segments {
		escaped[i] = url.PathEscape(s)
	}
	at := e.base.JoinPath(escaped...)
	values := at.Query()
	for name, value := range query {
		values[name] = value
	}
	at.RawQuery = values.Encode()
	return e.do(ctx, 0, http.MethodGet, at, nil)
}

// Answer is an answer with status 200, or that of AcceptStatus. Its body must not be used
// after Release, which the caller owes.
type Answer struct {
	Status int // over HTTP
	Header http.Header
	body   *[]byte
	lease  *Lease
	of     *Endpoint
}

// Body is the answer's body.
func (a Answer) Body() []byte { return *a.body }

// Release returns the body's memory for the next answers.
func (a Answer) Release() {
	const most, huge = 4 << 20, 16 << 20
	switch size := cap(*a.body); {
	case size <= most:
		a.of.buffers.Put(a.body)
	case size > huge: // the collector would wait until the heap has doubled, beyond the budget
		*a.body = nil
		runtime.GC()
	}
	a.lease.Release()
}

// do sends a request when it is due, and records its outcome.
func (e *Endpoint) do(ctx context.Context, calls int, method string, at *url.URL, body []byte) (Answer, error) {
	maxPause, ok := ctx.Value(maxPauseKey{}).(time.Duration)
	if !ok {
		maxPause = forever
	}
	if err := e.limiter.wait(ctx, calls, maxPause); err != nil {
		return Answer{}, e.Errorf("%w", err)
	}
	timeout := e.timeout
	if shorter, ok := ctx.Value(timeoutKey{}).(time.Duration); ok {
		timeout = min(timeout, shorter)
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	started := e.health.requestStarted()
	answer, err := e.transport.roundTrip(within, method, at, body)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = e.Errorf("%w", context.Cause(ctx))
	case within.Err() != nil:
		err = e.Errorf("%w (%s)", ErrTimeout, timeout)
	}
	if err != nil && ctx.Err() == context.Canceled { // not the endpoint's fault
		e.health.requestAbandoned()
		return answer, err
	}
	e.noteRequest(started, calls, err)
	return answer, err
}

// noteRequest records the outcome of a request.
func (e *Endpoint) noteRequest(started time.Time, calls int, err error) {
	now := time.Now()
	e.health.requestDone(now.Sub(started), err)
	switch refusal := RefusalOf(err); {
	case err == nil && calls == 0:
		e.limiter.noteAnswered(now, 1)
	case refusal.IsRate():
		e.limiter.noteRefused(now, calls, refusal.Wait)
	}
}

// NoteAnswers records how many calls of a request were answered, if only with an error of
// their own.
func (e *Endpoint) NoteAnswers(calls int) {
	if calls > 0 {
		e.limiter.noteAnswered(time.Now(), calls)
	}
}

// NoteCall records the error of one call of a request.
func (e *Endpoint) NoteCall(err error) { e.health.count(err) }

// NoteRefused records calls that were refused for their rate; err is the last of their errors.
func (e *Endpoint) NoteRefused(calls int, err error) {
	e.limiter.noteRefused(time.Now(), calls, RefusalOf(err).Wait)
}

type maxPauseKey struct{}

// withMaxPause bounds how long a request made with the context waits for an endpoint that is
// paused for its rate.
func withMaxPause(ctx context.Context, maxPause time.Duration) context.Context {
	return context.WithValue(ctx, maxPauseKey{}, maxPause)
}

type timeoutKey struct{}

// WithTimeout shortens the timeout of requests made with the context.
func WithTimeout(ctx context.Context, timeout time.Duration) context.Context {
	if shorter, ok := ctx.Value(timeoutKey{}).(time.Duration); ok {
		timeout = min(timeout, shorter)
	}
	return context.WithValue(ctx, timeoutKey{}, timeout)
}
