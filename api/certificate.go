package api

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
)

// TLS names the files of a server's certificate, which are read again when they change.
type TLS struct {
	Certificate, Key string // none of them: no TLS
	ClientCA         string // of the clients' certificates; none are asked for if empty
}

// config returns a server's TLS; nil if there is none.
func (t TLS) config(log *slog.Logger) (*tls.Config, error) {
	if t.Certificate == "" && t.Key == "" {
		return nil, nil
	}
	files := []string{t.Certificate, t.Key}
	if t.ClientCA != "" {
		files = append(files, t.ClientCA)
	}
	current, err := reload("the certificate of api.tls", files, t.load, log)
	if err != nil {
		return nil, err
	}
	outer := base()
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return current.get(), nil }
	return outer, nil
}

func base() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
}

func (t TLS) load() (*tls.Config, error) {
	c := base()
	pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return nil, fmt.Errorf("api.tls: %w: certificate and key must be files in PEM that belong together", err)
	}
	c.Certificates = []tls.Certificate{pair}
	if t.ClientCA == "" {
		return c, nil
	}
	text, err := os.ReadFile(t.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("api.tls.clientCA: %w", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("api.tls.clientCA: %s has no certificate in PEM", t.ClientCA)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c, nil
}
