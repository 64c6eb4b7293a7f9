package api

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
)

// TLS names the PEM files of a server's TLS configuration. They are reloaded when they change.
type TLS struct {
	Certificate, Key string // both empty: no TLS
	ClientCA         string // must have signed the clients' certificates; empty: none are requested
}

// config returns the server's TLS configuration; nil without TLS.
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
		return nil, fmt.Errorf("api.tls: %w: certificate and key must be PEM files that belong together", err)
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
		return nil, fmt.Errorf("api.tls.clientCA: %s contains no PEM certificate", t.ClientCA)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c, nil
}
