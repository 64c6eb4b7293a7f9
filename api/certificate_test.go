package api

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imart/event-worker/internal/certtest"
)

// issue issues a certificate, and returns a file with it and its key.
func issue(a *certtest.Authority, name string) TLS {
	file := a.Issue(name)
	return TLS{Certificate: file, Key: file}
}

// reissue replaces the files of a certificate by those of another one.
func reissue(t *testing.T, a *certtest.Authority, name string, files TLS) {
	t.Helper()
	replaceFile(t, files.Certificate, readFile(t, a.Issue(name)))
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// replaceFile replaces a file as a whole, so that a change of the same size is noticed.
func replaceFile(t *testing.T, file string, content []byte) {
	t.Helper()
	fresh := file + ".new"
	if err := os.WriteFile(fresh, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, file); err != nil {
		t.Fatal(err)
	}
}

// trust makes the client trust an authority and present certificates.
func (s *served) trust(a *certtest.Authority, own ...tls.Certificate) {
	s.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(readFile(s.T, a.File)) {
		s.Fatal("no certificate in ", a.File)
	}
	s.client.Transport = &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: own},
	}
}

// peer returns the name in the server's certificate.
func peer(r response) string { return r.TLS.PeerCertificates[0].Subject.CommonName }

func TestTLS(t *testing.T) {
	a := certtest.New(t)
	s := serve(t, Options{TLS: issue(a, "worker"), Token: right32, Routes: guarded()})
	s.trust(a)
	r := s.get("/orders", "Authorization", "Bearer "+right32)
	s.ok(r, "orders")
	if r.ProtoMajor != 2 || !strings.HasPrefix(s.URL(), "https://127.0.0.1:") || peer(r) != "worker" {
		t.Errorf("%s of %s at %s", r.Proto, peer(r), s.URL())
	}
	login := s.ask(http.MethodPost, "/login", "token="+right32, "Content-Type", "application/x-www-form-urlencoded")
	if len(login.Cookies()) != 1 || !login.Cookies()[0].Secure {
		t.Errorf("cookies %v", login.Cookies())
	}
	old := s.client.Transport.(*http.Transport)
	old.TLSClientConfig.MinVersion, old.TLSClientConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := s.client.Get(s.URL()); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func TestCertificatesAreReloaded(t *testing.T) {
	a := certtest.New(t)
	files := issue(a, "first")
	s := serve(t, Options{TLS: files, Routes: guarded()})
	s.trust(a)
	expect := func(name string) {
		t.Helper()
		if got := peer(s.get("/orders")); got != name {
			t.Errorf("the certificate is of %s, want %s", got, name)
		}
	}
	expect("first")
	reissue(t, a, "second", files)
	expect("second")
	replaceFile(t, files.Key, []byte("half"))
	expect("second")
	expect("second")
	if n := strings.Count(s.log.String(), "cannot be reloaded"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, s.log)
	}
	reissue(t, a, "third", files)
	expect("third")
}

func TestClientCertificates(t *testing.T) {
	own, clients, strangers := certtest.New(t), certtest.New(t), certtest.New(t)
	certificate := func(a *certtest.Authority) tls.Certificate {
		t.Helper()
		files := issue(a, "client")
		pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	files := issue(own, "worker")
	files.ClientCA = clients.File
	s := serve(t, Options{Listen: "0.0.0.0:0", TLS: files, Routes: guarded()})
	if strings.Contains(s.log.String(), "WARN") {
		t.Errorf("a warning although clients need certificates: %s", s.log)
	}
	s.trust(own, certificate(clients))
	s.ok(s.get("/orders"), "orders")
	refused := func(who string) {
		t.Helper()
		if res, err := s.client.Get(s.URL() + "/orders"); err == nil {
			t.Errorf("%s: %s", who, res.Status)
			res.Body.Close()
		}
	}
	s.trust(own)
	refused("without a certificate")
	s.trust(own, certificate(strangers))
	refused("with a certificate of another authority")
	replaceFile(t, clients.File, readFile(t, strangers.File))
	s.trust(own, certificate(strangers))
	s.ok(s.get("/orders"), "orders")
	s.trust(own, certificate(clients))
	refused("with a certificate of the previous authority")
}

func TestUnusableCertificates(t *testing.T) {
	a := certtest.New(t)
	files, others := issue(a, "one"), issue(a, "other")
	junk := filepath.Join(t.TempDir(), "junk.pem")
	replaceFile(t, junk, []byte("junk"))
	for name, c := range map[string]struct {
		tls  TLS
		want string
	}{
		"missing":           {TLS{Certificate: files.Certificate + "x", Key: files.Key}, "api.tls: open "},
		"of another key":    {TLS{Certificate: files.Certificate, Key: others.Key}, "belong together"},
		"without key":       {TLS{Certificate: files.Certificate}, "api.tls: open "},
		"no authority":      {TLS{Certificate: files.Certificate, Key: files.Key, ClientCA: junk}, "contains no PEM certificate"},
		"missing authority": {TLS{Certificate: files.Certificate, Key: files.Key, ClientCA: "none"}, "api.tls.clientCA: open none"},
	} {
		server, err := Serve(t.Context(), Options{Listen: "127.0.0.1:0", TLS: c.tls})
		if err == nil {
			server.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
