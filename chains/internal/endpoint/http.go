package endpoint

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// httpTransport is the transport of http and https.
type httpTransport struct {
	*Endpoint
	header http.Header
	client *http.Client
}

func newHTTP(e *Endpoint, cfg Config) *httpTransport {
	return &httpTransport{e, cfg.Header.Clone(), &http.Client{
		Transport: cmp.Or[http.RoundTripper](cfg.Transport, newTransport()),
		// A redirect would carry the keys to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func newTransport() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 16
	transport.MaxResponseHeaderBytes = 64 << 10
	return transport
}

func (t *httpTransport) close() { t.client.CloseIdleConnections() }

func (t *httpTransport) roundTrip(ctx context.Context, method string, at *url.URL, body []byte) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, at.String(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, t.Errorf("making the request: %w", t.redactor.Error(withoutURL(err)))
	}
	for name, values := range t.header {
		request.Header[name] = values
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := t.client.Do(request)
	if err != nil {
		return Answer{}, t.transportError(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != ctx.Value(acceptKey{}) {
		return Answer{}, t.statusError(response)
	}
	if response.ContentLength > t.maxBody {
		return Answer{}, t.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, response.ContentLength, t.maxBody)
	}
	answer, err := t.read(ctx, response.Header, response.Body, response.ContentLength)
	answer.Status = response.StatusCode
	return answer, err
}

// statusError returns the error of an answer with another status than 200.
func (e *Endpoint) statusError(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	return &StatusError{
		Host: e.Host(), Status: response.StatusCode, Text: e.Redact(string(text)), Wait: retryAfter(response.Header, time.Now()),
		Header: response.Header, refusal: classifyBody(response.StatusCode, text),
	}
}

type acceptKey struct{}

// AcceptStatus makes one more status than 200 an answer.
func AcceptStatus(ctx context.Context, status int) context.Context {
	return context.WithValue(ctx, acceptKey{}, status)
}

// read reads an answer's body within the budget; length is the body's, -1 or 0 if unknown.
func (e *Endpoint) read(ctx context.Context, header http.Header, body io.Reader, length int64) (Answer, error) {
	buffer, ok := e.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	answer := Answer{Header: header, body: buffer, lease: &Lease{budget: e.budget}, of: e}
	if err := e.readInto(ctx, answer, body, length); err != nil {
		answer.Release()
		return Answer{}, err
	}
	return answer, nil
}

func (e *Endpoint) readInto(ctx context.Context, answer Answer, body io.Reader, length int64) error {
	into := (*answer.body)[:0]
	if err := answer.lease.grow(ctx, int64(cap(into))); err != nil { // a reused buffer counts, too
		return e.Errorf("waiting for memory: %w", err)
	}
	for {
		if len(into) == cap(into) { // the old buffer counts until it is copied
			size := e.nextBufferSize(int64(len(into)), length)
			if err := answer.lease.grow(ctx, int64(cap(into))+size); err != nil {
				return e.Errorf("waiting for memory: %w", err)
			}
			into = append(make([]byte, 0, size), into...)
		}
		n, err := body.Read(into[len(into):cap(into)])
		into = into[:len(into)+n]
		*answer.body = into
		switch {
		case int64(len(into)) > e.maxBody:
			return e.Errorf("%w: more than %d bytes", ErrTooLarge, e.maxBody)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return e.transportError(fmt.Errorf("reading the answer: %w", err))
		}
	}
}

// nextBufferSize is the size of the buffer after one that is filled: the largest answer,
// halved as often as possible, so that the old buffer is at most half as large as the new one.
func (e *Endpoint) nextBufferSize(filled, length int64) int64 {
	const first = 64 << 10
	size := e.maxBody + 1
	for size/2 >= max(first, filled+1, length+1) {
		size /= 2
	}
	return size
}

// transportError is the error of a connection that could not be made or was lost.
func (e *Endpoint) transportError(err error) error {
	return e.Errorf("%w", &TransportError{e.redactor.Error(withoutURL(err))})
}

// withoutURL removes the URL from an error of net/http.
func withoutURL(err error) error {
	if with, ok := errors.AsType[*url.Error](err); ok {
		return with.Err
	}
	return err
}
