// Package certtest issues certificates for tests.
package certtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority is a certificate authority for a test.
type Authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	File string // its certificate (PEM)
}

// New makes an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, dir: t.TempDir()}
	template := a.template("authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	a.key = a.newKey()
	a.cert = a.sign(template, template, a.key)
	a.File = a.write("authority.pem", block("CERTIFICATE", a.cert.Raw))
	return a
}

// Issue issues a certificate for servers on 127.0.0.1 or localhost, and for clients. It returns a PEM file
// with the certificate and its key, as MongoDB expects.
func (a *Authority) Issue(name string) (file string) {
	return a.issue(name, func(*x509.Certificate) {})
}

// Expired is like Issue, with a certificate that has expired.
func (a *Authority) Expired(name string) (file string) {
	return a.issue(name, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
}

// Elsewhere is like Issue, with a certificate for another host.
func (a *Authority) Elsewhere(name string) (file string) {
	return a.issue(name, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"elsewhere.example.com"} })
}

func (a *Authority) issue(name string, change func(*x509.Certificate)) (file string) {
	a.t.Helper()
	template := a.template(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.IPAddresses, template.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	change(template)
	key := a.newKey()
	cert := a.sign(template, a.cert, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write(name+".pem", block("CERTIFICATE", cert.Raw), block("PRIVATE KEY", der))
}

func (a *Authority) template(name string) *x509.Certificate {
	a.t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{name}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func (a *Authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

// sign signs a certificate for a key with the authority's key.
func (a *Authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (a *Authority) write(name string, blocks ...[]byte) (file string) {
	a.t.Helper()
	file = filepath.Join(a.dir, name)
	if err := os.WriteFile(file, bytes.Join(blocks, nil), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}
