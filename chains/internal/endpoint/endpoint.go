// Package endpoint speaks HTTP with one node. The node is not trusted: answers
// are bounded in size and time. The node's URL and headers are secret, as
// providers put keys into them: errors name the host only.
package endpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/imart/event-worker/chains/internal/secret"
)

// Errors of an endpoint, beside the context's own.
var (
	// ErrTimeout says that the endpoint did not answer in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrTooLarge says that the answer was larger than Config.MaxBody.
	ErrTooLarge = errors.New("answer too large")
)

// StatusError says that the endpoint answered with another status than 200.
type StatusError struct {
	Host   string
	Status int
	Text   string // the beginning of the answer, without the endpoint's secrets
}

func (e *StatusError) Error() string {
	text := http.StatusText(e.Status)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return fmt.Sprintf("%s answered %d %s", e.Host, e.Status, text)
}

// Config describes an endpoint.
type Config struct {
	URL     string        // http or https; all but the host is secret
	Header  http.Header   // sent with each request; secret
	Timeout time.Duration // of one request with its answer; 30 s if zero
	MaxBody int64         // bytes of an answer, decompressed; 64 MiB if zero
}

// Endpoint is one node's HTTP interface. It may be used by many goroutines.
type Endpoint struct {
	base    *url.URL
	header  http.Header
	timeout time.Duration
	maxBody int64
	client  *http.Client
	redact  *secret.Redactor
	buffers sync.Pool // of *bytes.Buffer
}

// New makes an endpoint. It connects to nothing yet.
func New(cfg Config) (*Endpoint, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("endpoint URL must be http://host… or https://host…") // the URL itself is secret
	}
	e := &Endpoint{
		base:    base,
		header:  cfg.Header.Clone(),
		timeout: cfg.Timeout,
		maxBody: cfg.MaxBody,
		redact:  secret.New(base, cfg.Header),
	}
	if e.timeout <= 0 {
		e.timeout = 30 * time.Second
	}
	if e.maxBody <= 0 {
		e.maxBody = 64 << 20
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	e.client = &http.Client{
		Transport: transport,
		// A redirect would carry the keys to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return e, nil
}

// Host is the endpoint's name in logs and errors.
func (e *Endpoint) Host() string { return e.base.Host }

// Path is the path of the endpoint's URL. It is secret.
func (e *Endpoint) Path() string { return e.base.Path }

// Close closes idle connections.
func (e *Endpoint) Close() { e.client.CloseIdleConnections() }

// Redact returns text from the endpoint, shortened and without its secrets.
func (e *Endpoint) Redact(text string) string {
	return e.redact.Text(text)
}

// Errorf makes an error that names the endpoint.
func (e *Endpoint) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", e.Host(), fmt.Errorf(format, args...))
}

// Post posts JSON to the endpoint's URL.
func (e *Endpoint) Post(ctx context.Context, body []byte) (Answer, error) {
	return e.do(ctx, http.MethodPost, e.base, body)
}

// Get reads a path below the endpoint's URL. Segments are escaped; the endpoint's
// own query, which may hold a key, is kept.
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
	return e.do(ctx, http.MethodGet, at, nil)
}

// Answer is an endpoint's answer with status 200. Its body is gone once it is
// released, which is done when nothing of it is needed any more.
type Answer struct {
	Header http.Header
	buffer *bytes.Buffer
	to     *sync.Pool // where the buffer goes when it is released
}

// Body is the answer's body.
func (a Answer) Body() []byte { return a.buffer.Bytes() }

// Release lets the body's memory be used again: large answers follow each other.
func (a Answer) Release() {
	const most = 16 << 20
	if a.buffer.Cap() <= most {
		a.buffer.Reset()
		a.to.Put(a.buffer)
	}
}

func (e *Endpoint) do(ctx context.Context, method string, at *url.URL, body []byte) (Answer, error) {
	within, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	answer, err := e.roundTrip(within, method, at, body)
	switch {
	case err == nil:
		return answer, nil
	case ctx.Err() != nil:
		return Answer{}, e.Errorf("%w", context.Cause(ctx))
	case within.Err() != nil:
		return Answer{}, e.Errorf("%w (%s)", ErrTimeout, e.timeout)
	}
	return Answer{}, err
}

func (e *Endpoint) roundTrip(ctx context.Context, method string, at *url.URL, body []byte) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, at.String(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, e.Errorf("making the request: %w", e.redact.Error(withoutURL(err)))
	}
	for name, values := range e.header {
		request.Header[name] = values
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := e.client.Do(request)
	if err != nil {
		return Answer{}, e.Errorf("%w", &TransportError{e.redact.Error(withoutURL(err))})
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		return Answer{}, &StatusError{Host: e.Host(), Status: response.StatusCode, Text: e.Redact(string(text))}
	}
	content, err := e.readAll(response)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Header: response.Header, buffer: content, to: &e.buffers}, nil
}

func (e *Endpoint) readAll(response *http.Response) (*bytes.Buffer, error) {
	if response.ContentLength > e.maxBody {
		return nil, e.Errorf("%w: %d bytes, at most %d are read", ErrTooLarge, response.ContentLength, e.maxBody)
	}
	content, ok := e.buffers.Get().(*bytes.Buffer)
	if !ok {
		content = new(bytes.Buffer)
	}
	if response.ContentLength > 0 {
		content.Grow(int(response.ContentLength) + bytes.MinRead)
	}
	n, err := content.ReadFrom(io.LimitReader(response.Body, e.maxBody+1))
	switch {
	case err != nil:
		return nil, e.Errorf("reading the answer: %w", &TransportError{e.redact.Error(withoutURL(err))})
	case n > e.maxBody:
		return nil, e.Errorf("%w: more than %d bytes", ErrTooLarge, e.maxBody)
	}
	return content, nil
}

// withoutURL takes the URL out of an error of net/http.
func withoutURL(err error) error {
	if with, ok := errors.AsType[*url.Error](err); ok {
		return with.Err
	}
	return err
}
