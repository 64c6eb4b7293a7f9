package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string // with the certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), "ca.pem"), certificate: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	der, key := a.sign(t, a.certificate, nil)
	var err error
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// sign issues a certificate with a key of its own; one of the authority itself if signer is nil.
func (a *authority) sign(t *testing.T, template *x509.Certificate, signer *ecdsa.PrivateKey) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	der, err = x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// issue writes a certificate of a name, for a server and for a client, and its key.
func (a *authority) issue(t *testing.T, name string) TLS {
	t.Helper()
	dir := t.TempDir()
	files := TLS{Certificate: filepath.Join(dir, "server.pem"), Key: filepath.Join(dir, "server.key")}
	a.issueAs(t, name, files)
	return files
}

func (a *authority) issueAs(t *testing.T, name string, files TLS) {
	t.Helper()
	der, key := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.key)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, files.Certificate, "CERTIFICATE", der)
	writePEM(t, files.Key, "PRIVATE KEY", secret)
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	fresh := file + ".new"
	if err := os.WriteFile(fresh, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, file); err != nil {
		t.Fatal(err)
	}
}

// trusting has the client trust an authority, and show certificates.
func (s *served) trusting(a *authority, own ...tls.Certificate) {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	s.client.Transport = &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: own},
	}
}

// peer is the name in the server's certificate.
func peer(r response) string { return r.TLS.PeerCertificates[0].Subject.CommonName }

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	s := serve(t, Options{TLS: a.issue(t, "worker"), Token: right32, Routes: guarded()})
	s.trusting(a)
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

func TestCertificatesAreReadAgain(t *testing.T) {
	a := newAuthority(t)
	files := a.issue(t, "first")
	s := serve(t, Options{TLS: files, Routes: guarded()})
	s.trusting(a)
	expect := func(name string) {
		t.Helper()
		if got := peer(s.get("/orders")); got != name {
			t.Errorf("the certificate is of %s, want %s", got, name)
		}
	}
	expect("first")
	a.issueAs(t, "second", files)
	expect("second")
	writePEM(t, files.Key, "PRIVATE KEY", []byte("half"))
	expect("second")
	expect("second")
	if n := strings.Count(s.log.String(), "cannot be read again"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, s.log)
	}
	a.issueAs(t, "third", files)
	expect("third")
}

func TestClientCertificates(t *testing.T) {
	own, clients, strangers := newAuthority(t), newAuthority(t), newAuthority(t)
	certificate := func(a *authority) tls.Certificate {
		t.Helper()
		files := a.issue(t, "client")
		pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	files := own.issue(t, "localhost") // the host in the URL of a server on 0.0.0.0
	files.ClientCA = clients.file
	s := serve(t, Options{Listen: "0.0.0.0:0", TLS: files, Routes: guarded()})
	if strings.Contains(s.log.String(), "WARN") {
		t.Errorf("clients have certificates: %s", s.log)
	}
	s.trusting(own, certificate(clients))
	s.ok(s.get("/orders"), "orders")
	refused := func(who string) {
		t.Helper()
		if res, err := s.client.Get(s.URL() + "/orders"); err == nil {
			t.Errorf("%s: %s", who, res.Status)
			res.Body.Close()
		}
	}
	s.trusting(own)
	refused("without a certificate")
	s.trusting(own, certificate(strangers))
	refused("with a stranger's")
	writePEM(t, clients.file, "CERTIFICATE", strangers.certificate.Raw)
	s.trusting(own, certificate(strangers))
	s.ok(s.get("/orders"), "orders")
	s.trusting(own, certificate(clients))
	refused("with one of the former authority")
}

func TestUnusableCertificates(t *testing.T) {
	a := newAuthority(t)
	files, others := a.issue(t, "one"), a.issue(t, "other")
	for name, c := range map[string]struct {
		tls  TLS
		want string
	}{
		"missing":          {TLS{Certificate: files.Certificate + "x", Key: files.Key}, "api.tls: open "},
		"of another key":   {TLS{Certificate: files.Certificate, Key: others.Key}, "belong together"},
		"without key":      {TLS{Certificate: files.Certificate}, "api.tls: open "},
		"no authority":     {TLS{Certificate: files.Certificate, Key: files.Key, ClientCA: files.Key}, "has no certificate in PEM"},
		"missing autority": {TLS{Certificate: files.Certificate, Key: files.Key, ClientCA: "none"}, "api.tls.clientCA: open none"},
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
