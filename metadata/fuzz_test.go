package metadata

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

type roundTrip func(r *http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// Whatever a record's URI is, and wherever its server redirects: few requests are made, all
// over HTTP, and those of ipfs:// stay below the gateway's path.
func FuzzURIs(f *testing.F) {
	for _, uri := range []string{
		"https://h/a?b#c", "http://u:p@h/", "HTTP://h", "ipfs://Qm/1", "ipfs://ipfs/Qm/1.json", "ipfs:Qm", "ipfs://../../admin", "ipfs://%2e%2e/%2e%2e/x", "ipfs://a/..%2f..%2f..%2fx",
		"ipfs://@evil/x", "ipfs://a?b=/../", "ipfs://a#/../..", "data:,{}", "file:///etc/passwd", "http:h", "//h/x", "", ":",
	} {
		f.Add(uri, "https://other/"+uri)
		f.Add(uri, uri)
	}
	f.Fuzz(func(t *testing.T, uri, location string) {
		requests := 0
		fetcher := NewFetcher("https://gateway/of/ours/")
		ipfs := strings.HasPrefix(strings.ToLower(uri), "ipfs:")
		fetcher.client.Transport = roundTrip(func(r *http.Request) *http.Response {
			requests++
			u := r.URL
			if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || requests == 1 && u.Fragment != "" {
				t.Fatalf("%q leads to %s", uri, u)
			}
			if ipfs && requests == 1 && (u.Host != "gateway" || !strings.HasPrefix(u.JoinPath().Path, "/of/ours/ipfs/")) {
				t.Fatalf("%q leads to %s", uri, u)
			}
			if r.Header.Get("Authorization") != "" || len(r.Cookies()) > 0 {
				t.Fatalf("%q is asked for with %v", uri, r.Header)
			}
			return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {location}, "Set-Cookie": {"a=b"}}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}
		})
		got, err := fetcher.fetch(t.Context(), uri)
		if requests > maxRedirects+1 || requests > 0 && err == nil || err == nil && got.json == "" {
			t.Fatalf("%q: %d requests, %+v, %v", uri, requests, got, err)
		}
	})
}

// Whatever a document or a data URI contains: it is refused, or kept as a JSON object
// within its bound.
func FuzzDocuments(f *testing.F) {
	for _, text := range []string{`{"name":"a"}`, "\xef\xbb\xbf {\"a\": [1,\n2]}", `["a"]`, "{\"\xff\":1}", `{"a":1}{}`, ""} {
		f.Add([]byte(text))
		f.Add([]byte("application/json," + text))
		f.Add([]byte("application/json;base64," + base64.StdEncoding.EncodeToString([]byte(text))))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		bodies := [][]byte{text}
		if body, err := dataOf(string(text)); err == nil {
			bodies = append(bodies, body)
		}
		for _, body := range bodies {
			kept, err := objectIn(found{}, body)
			if err != nil {
				continue
			}
			var object map[string]any
			if err := json.Unmarshal([]byte(kept.json), &object); err != nil || object == nil || !utf8.ValidString(kept.json) || len(kept.json) > 3*maxBytes {
				t.Fatalf("%d bytes are kept: %v", len(kept.json), err)
			}
		}
	})
}
