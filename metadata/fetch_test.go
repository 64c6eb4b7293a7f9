package metadata

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// site is a server of what people may point to.
func site(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	text := func(path, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	}
	text("/hall.json", "\ufeff {\"name\": \"Hall\",\n \"n\": 1e400} ")
	text("/ipfs/QmHall/1.json", `{"name":"by gateway"}`)
	text("/list", `[{}]`)
	text("/page", `<html>{}</html>`)
	text("/two", `{}{}`)
	text("/empty", ``)
	text("/odd", "{\"a\":\"\xff\"}")
	text("/large", `{"a":"`+strings.Repeat("x", maxBytes)+`"}`)
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 3 {
			_, _ = z.Write(make([]byte, 1<<20))
		}
		_ = z.Close()
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "{")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/redirects/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		if n == 0 {
			http.Redirect(w, r, "/hall.json", http.StatusFound)
			return
		}
		http.Redirect(w, r, fmt.Sprint("/redirects/", n-1), http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestFetch(t *testing.T) {
	s := site(t)
	f := newFetcher(s.URL+"/", nil)
	hasty := newFetcher("", nil)
	hasty.client.Timeout = 100 * time.Millisecond
	if got, err := hasty.fetch(t.Context(), s.URL+"/slow"); got.json != "" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("of a slow server: %+v, %v", got, err)
	}
	for uri, want := range map[string]struct {
		json   string
		status int
		err    error
	}{
		s.URL + "/hall.json":                               {`{"name":"Hall","n":1e400}`, 200, nil},
		s.URL + "/hall.json#fragment":                      {`{"name":"Hall","n":1e400}`, 200, nil},
		strings.Replace(s.URL, "http", "HTTP", 1) + "/odd": {"{\"a\":\"\ufffd\"}", 200, nil},
		"ipfs://QmHall/1.json":                             {`{"name":"by gateway"}`, 200, nil},
		"ipfs://ipfs/QmHall/1.json":                        {`{"name":"by gateway"}`, 200, nil},
		s.URL + "/redirects/2":                             {`{"name":"Hall","n":1e400}`, 200, nil},
		s.URL + "/redirects/3":                             {"", 0, ErrRedirects},
		s.URL + "/loop":                                    {"", 0, ErrRedirects},
		s.URL + "/file":                                    {"", 0, ErrScheme},
		s.URL + "/list":                                    {"", 200, ErrNotObject},
		s.URL + "/page":                                    {"", 200, ErrNotObject},
		s.URL + "/two":                                     {"", 200, ErrNotObject},
		s.URL + "/empty":                                   {"", 200, ErrNotObject},
		s.URL + "/large":                                   {"", 200, ErrTooLarge},
		s.URL + "/bomb":                                    {"", 200, ErrTooLarge},
		s.URL + "/endless":                                 {"", 200, ErrTooLarge},
		s.URL + "/away":                                    {"", 503, ErrStatus},
		s.URL + "/none":                                    {"", 404, ErrStatus},
		strings.Replace(s.URL, "//", "//user:word@", 1):    {"", 0, ErrScheme},
		"ftp://example.com/x":                              {"", 0, ErrScheme},
		"file:///etc/passwd":                               {"", 0, ErrScheme},
		"hall.json":                                        {"", 0, ErrScheme},
		"http:///x":                                        {"", 0, ErrScheme},
		`data:application/json,%7B%22a%22:%201%7D`:         {`{"a":1}`, 0, nil},
		"data:application/json;base64," + base64.StdEncoding.EncodeToString([]byte(`{"a": "b+"}`)): {`{"a":"b+"}`, 0, nil},
		"data:text/plain,no":                       {"", 0, ErrNotObject},
		"data:no comma":                            {"", 0, ErrScheme},
		"data:," + strings.Repeat("x", 4*maxBytes): {"", 0, ErrTooLarge},
	} {
		got, err := f.fetch(t.Context(), uri)
		if got.json != want.json || got.status != want.status || !errors.Is(err, want.err) {
			t.Errorf("%.60s: %q, status %d, %v; want %q, status %d, %v", uri, got.json, got.status, err, want.json, want.status, want.err)
		}
	}
	if _, err := NewFetcher("").fetch(t.Context(), "ipfs://QmHall"); !errors.Is(err, ErrNoGateway) {
		t.Errorf("without a gateway: %v", err)
	}
}

// Nothing connects to an address that is not public, neither by a name that resolves to it nor
// by a redirect.
func TestAddressesThatAreRefused(t *testing.T) {
	s := site(t)
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	f := NewFetcher(s.URL)
	for _, uri := range []string{
		s.URL + "/hall.json", "http://localhost" + port + "/hall.json", "http://[::1]" + port + "/", "http://[::ffff:127.0.0.1]" + port + "/hall.json",
		"http://169.254.169.254/latest/meta-data", "ipfs://QmHall/1.json", "http://[64:ff9b::7f00:1]/",
	} {
		if _, err := f.fetch(t.Context(), uri); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

func TestRedirectsToAddressesThatAreRefused(t *testing.T) {
	inside := site(t)
	public := httptest.NewServer(http.RedirectHandler(inside.URL+"/hall.json", http.StatusFound))
	t.Cleanup(public.Close)
	f := newFetcher("", func(network, address string, c syscall.RawConn) error {
		if "http://"+address == public.URL { // as if it were public
			return nil
		}
		return guard(network, address, c)
	})
	if _, err := f.fetch(t.Context(), public.URL); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}
