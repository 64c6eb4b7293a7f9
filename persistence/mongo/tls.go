package mongo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// probeTimeout bounds each step of the probe of a server's TLS.
const probeTimeout = time.Second

// The problems of TLS between a client and a server.
var (
	errNeedsTLS     = errors.New("it requires TLS: add tls=true to MONGODB_URI, and tlsCAFile unless this machine trusts its certificate authority")
	errNoTLS        = errors.New("it does not use TLS, or no version that this client supports: remove tls from MONGODB_URI, or enable TLS on the server")
	errAuthority    = errors.New("its certificate authority is not trusted: set tlsCAFile in MONGODB_URI to the authority's certificate")
	errNeedsClient  = errors.New("it requires a client certificate: set tlsCertificateKeyFile in MONGODB_URI to a file with a certificate and its key")
	errRefusesOurs  = errors.New("it refuses the certificate in tlsCertificateKeyFile of MONGODB_URI: is it from an authority that the server trusts?")
	errServerLapsed = errors.New("its certificate has expired or is not valid yet: renew it, or correct this machine's clock")
)

// tlsProblem connects to a client's first server as the client would, and diagnoses their
// TLS. It returns nil if it finds no problem of TLS.
func tlsProblem(ctx context.Context, o *options.ClientOptions) error {
	address := withPort(o.Hosts[0])
	conn, err := (&net.Dialer{Timeout: probeTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil
	}
	defer conn.Close()
	if o.TLSConfig == nil {
		if handshake(ctx, conn, &tls.Config{InsecureSkipVerify: true}) == nil { // only tests whether the server uses TLS
			return errNeedsTLS
		}
		return nil
	}
	config := o.TLSConfig.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	secured := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		return refusedServer(err, config.ServerName)
	}
	return refusedClient(secured, config)
}

func handshake(ctx context.Context, conn net.Conn, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return tls.Client(conn, config).HandshakeContext(ctx)
}

// refusedServer explains why a client does not accept a server.
func refusedServer(err error, host string) error {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		header    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &authority):
		return errAuthority
	case errors.As(err, &name):
		return fmt.Errorf("its certificate is not for %s: name the server in MONGODB_URI as its certificate does", host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errServerLapsed
	case errors.As(err, &header), errors.Is(err, io.EOF):
		return errNoTLS
	}
	return fmt.Errorf("TLS: %w", err)
}

// refusedClient explains why a server does not accept a client; nil if it does. With TLS
// 1.3, a client receives the refusal only when it reads.
func refusedClient(conn *tls.Conn, config *tls.Config) error {
	if err := conn.SetReadDeadline(time.Now().Add(probeTimeout)); err != nil {
		return nil
	}
	_, err := conn.Read(make([]byte, 1)) // a server that accepts the client sends nothing first
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	if len(config.Certificates) == 0 {
		return errNeedsClient
	}
	if leaf := config.Certificates[0].Leaf; leaf != nil && time.Now().After(leaf.NotAfter) {
		return fmt.Errorf("the certificate in tlsCertificateKeyFile of MONGODB_URI has expired, on %s: renew it", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return errRefusesOurs
}

// fileProblem describes an error of a file that a URI names; empty if the error is another
// one. The driver's messages about files do not contain their contents.
func fileProblem(err error) string {
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return fmt.Sprintf("a file that it names cannot be read: %v", file)
	case strings.Contains(err.Error(), "CA file does not contain"):
		return "the file in tlsCAFile contains no certificate in PEM form"
	case strings.Contains(err.Error(), "failed to find"):
		return "the file in tlsCertificateKeyFile must contain a certificate and its key in PEM form"
	}
	return ""
}
