package metadata

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"
)

// The bounds of one fetch.
const (
	maxBytes     = 1 << 20
	timeout      = 10 * time.Second // of all of it
	maxRedirects = 3
)

// The reasons why something is not kept, beside ErrRefused.
var (
	ErrTooLarge  = fmt.Errorf("is larger than %d bytes", maxBytes)
	ErrNotObject = errors.New("is not a JSON object")
	ErrNoGateway = errors.New("needs a gateway: set metadata.gateway")
	ErrScheme    = errors.New("is not a URI of https, http, ipfs or data")
	ErrRedirects = fmt.Errorf("redirects more than %d times", maxRedirects)
	ErrStatus    = errors.New("was answered")
)

// Fetcher fetches URIs.
type Fetcher struct {
	gateway string // without a slash at its end; may be empty
	client  *http.Client
}

// NewFetcher is a fetcher that reads ipfs:// by way of a gateway, such as https://ipfs.io;
// without one such URIs fail. Close frees its connections.
func NewFetcher(gateway string) *Fetcher { return newFetcher(gateway, guard) }

func newFetcher(gateway string, control func(network, address string, c syscall.RawConn) error) *Fetcher {
	dialer := &net.Dialer{Timeout: timeout, Control: control}
	return &Fetcher{gateway: strings.TrimRight(gateway, "/"), client: &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{ // without a proxy, which would connect to whatever it is asked for
			DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return ErrRedirects
			}
			return checkHTTP(to.URL)
		},
	}}
}

// found is what an attempt has found; status is 0 if nothing has answered.
type found struct {
	status int
	bytes  int64
	json   string
}

// fetch fetches a URI, once.
func (f *Fetcher) fetch(ctx context.Context, uri string) (found, error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	switch strings.ToLower(scheme) {
	case "http", "https":
		return f.get(ctx, uri)
	case "ipfs":
		if f.gateway == "" {
			return found{}, ErrNoGateway
		}
		below := strings.TrimPrefix(strings.TrimLeft(rest, "/"), "ipfs/")
		if u, err := url.Parse("/ipfs/" + below); err == nil && !strings.HasPrefix(path.Clean(u.Path), "/ipfs/") {
			return found{}, fmt.Errorf("%w: it leaves the gateway's path", ErrScheme)
		}
		return f.get(ctx, f.gateway+"/ipfs/"+below)
	case "data":
		body, err := dataOf(rest)
		if err != nil {
			return found{}, err
		}
		return objectIn(found{}, body)
	}
	return found{}, ErrScheme
}

func (f *Fetcher) get(ctx context.Context, uri string) (found, error) {
	u, err := url.Parse(uri)
	if err == nil {
		err = checkHTTP(u)
	}
	if err != nil {
		return found{}, err
	}
	u.Fragment = ""
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return found{}, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "event-worker")
	response, err := f.client.Do(request)
	if err != nil {
		return found{}, err
	}
	defer response.Body.Close()
	answer := found{status: response.StatusCode}
	if response.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("%w %s", ErrStatus, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1)) // decompressed
	if err != nil {
		return answer, err
	}
	return objectIn(answer, body)
}

func checkHTTP(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return ErrScheme
	case u.User != nil:
		return fmt.Errorf("%w: it has a user's name", ErrScheme)
	}
	return nil
}

// objectIn adds a body to an answer, if it is a JSON object.
func objectIn(answer found, body []byte) (found, error) {
	answer.bytes = int64(len(body))
	if len(body) > maxBytes {
		answer.bytes = 0
		return answer, ErrTooLarge
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // some editors put it there
	var compact bytes.Buffer
	if err := json.Compact(&compact, body); err != nil || !bytes.HasPrefix(compact.Bytes(), []byte("{")) {
		return answer, ErrNotObject
	}
	answer.json = strings.ToValidUTF8(compact.String(), "\ufffd")
	return answer, nil
}

// dataOf is what a data URI contains, behind its scheme.
func dataOf(rest string) ([]byte, error) {
	kind, text, ok := strings.Cut(rest, ",")
	if !ok {
		return nil, fmt.Errorf("%w: it has no comma", ErrScheme)
	}
	if len(text) > 3*maxBytes { // each byte as %XX
		return nil, ErrTooLarge
	}
	plain, err := url.PathUnescape(text)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(strings.ToLower(kind), ";base64") {
		return []byte(plain), nil
	}
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(plain, "="))
}
