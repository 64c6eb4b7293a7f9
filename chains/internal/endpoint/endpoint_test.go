package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const apiKey = "s3cr3t-api-key"

// serve returns an endpoint of a handler whose URL and headers are full of the
// secret.
func serve(t *testing.T, cfg Config, handler http.HandlerFunc) *Endpoint {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg.URL = withSecrets(server.Listener.Addr().String())
	cfg.Header = http.Header{"X-Api-Key": {apiKey}, "Authorization": {"Bearer " + apiKey}}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func withSecrets(host string) string {
	return fmt.Sprintf("http://user-%[1]s:%[1]s@%[2]s/v1/%[1]s?key=%[1]s", apiKey, host)
}

func TestErrorsNameTheHostAndNoSecrets(t *testing.T) {
	closed := func(t *testing.T) *Endpoint {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		e, err := New(Config{URL: withSecrets(listener.Addr().String())})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	tests := map[string]struct {
		endpoint func(t *testing.T) *Endpoint
		want     string
	}{
		"refused": {closed, "connection refused"},
		"status that repeats the key": {func(t *testing.T) *Endpoint {
			return serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, "bad key "+r.Header.Get("X-Api-Key")+" at "+r.URL.String(), http.StatusForbidden)
			})
		}, "403 Forbidden: bad key ***"},
		"broken header that repeats the key": {func(t *testing.T) *Endpoint {
			return serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\n%s %s\r\n\r\n", r.Header.Get("X-Api-Key"), "\x1b[2J")
			})
		}, `malformed MIME header: missing colon: "*** \x1b[2J"`},
		"redirect": {func(t *testing.T) *Endpoint {
			return serve(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://127.0.0.1:1"+r.URL.String(), http.StatusTemporaryRedirect)
			})
		}, "307 Temporary Redirect"},
		"broken off": {func(t *testing.T) *Endpoint {
			return serve(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				fmt.Fprint(w, "short")
			})
		}, "unexpected EOF"},
		"too large": {func(t *testing.T) *Endpoint {
			return serve(t, Config{MaxBody: 10}, func(w http.ResponseWriter, _ *http.Request) {
				w.(http.Flusher).Flush() // chunked: its length is not announced
				fmt.Fprint(w, "eleven bytes")
			})
		}, "answer too large"},
		"too large as announced": {func(t *testing.T) *Endpoint {
			return serve(t, Config{MaxBody: 10}, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "eleven bytes") })
		}, "answer too large"},
		"too late": {func(t *testing.T) *Endpoint {
			return serve(t, Config{Timeout: time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}, "no answer in time"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := test.endpoint(t)
			_, err := e.Get(t.Context(), nil, "blocks")
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), e.Host()) {
				t.Errorf("error %q, want %q and the host %s", err, test.want, e.Host())
			}
			if strings.Contains(err.Error(), apiKey) {
				t.Errorf("error tells the secret: %s", err)
			}
		})
	}
}

func TestAnInvalidURLIsNotRepeated(t *testing.T) {
	for _, bad := range []string{"ftp://host/" + apiKey, apiKey, "http://%zz/" + apiKey, "http:///" + apiKey} {
		if _, err := New(Config{URL: bad}); err == nil || strings.Contains(err.Error(), apiKey) {
			t.Errorf("New(%q): %v", bad, err)
		}
	}
}

func TestARequestEndsWithItsContext(t *testing.T) {
	started := make(chan struct{})
	e := serve(t, Config{}, func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if _, err := e.Get(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestGetEscapesSegmentsAndKeepsTheKey(t *testing.T) {
	var got *http.Request
	e := serve(t, Config{}, func(_ http.ResponseWriter, r *http.Request) { got = r })
	if _, err := e.Get(t.Context(), url.Values{"start": {"7"}}, "events", "0x1::a::B<0x2::c/D>"); err != nil {
		t.Fatal(err)
	}
	if want := "/v1/" + apiKey + "/events/0x1::a::B%3C0x2::c%2FD%3E"; got.URL.EscapedPath() != want {
		t.Errorf("path %s, want %s", got.URL.EscapedPath(), want)
	}
	if q := got.URL.Query(); q.Get("start") != "7" || q.Get("key") != apiKey {
		t.Errorf("query %v", q)
	}
	if user, password, _ := got.BasicAuth(); got.Header.Get("X-Api-Key") != apiKey || user != "" && password == "" {
		t.Errorf("headers %v", got.Header)
	}
}
