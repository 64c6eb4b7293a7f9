package mongo_test

import (
	"crypto/tls"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/imart/event-worker/internal/certtest"
	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/mongo"
)

// tlsURI returns a URI with TLS and, unless they are empty, the files of an authority and a client.
func tlsURI(address, authority, client string, more ...string) string {
	query := url.Values{"tls": {"true"}, "replicaSet": {"rs0"}}
	if authority != "" {
		query.Set("tlsCAFile", authority)
	}
	if client != "" {
		query.Set("tlsCertificateKeyFile", client)
	}
	for i := 0; i < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return "mongodb://" + address + "/market?" + query.Encode()
}

// A server that requires TLS and certificates of its clients is used like any other, also
// to log in with the certificate.
func TestTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.New(t)
	client := authority.Issue("client")
	server := mongotest.StartTLS(t, authority.Issue("server"), authority.File, client)
	admitted := tlsURI(server.Address(), authority.File, client)
	store := openAt(t, admitted)
	if _, err := store.TakeOver(t.Context(), "ethereum", "node"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	login := []string{"authMechanism", "MONGODB-X509", "authSource", "$external"}
	loggedIn := tlsURI(server.Address(), authority.File, client, login...)
	if _, err := mongo.OpenReader(t.Context(), loggedIn); err == nil || !strings.Contains(err.Error(), "the login was refused") {
		t.Errorf("before the user exists: %v", err)
	}
	user := bson.D{{Key: "createUser", Value: "CN=client,O=client"}, {Key: "roles", Value: bson.A{bson.D{{Key: "role", Value: "readWrite"}, {Key: "db", Value: "market"}}}}}
	if err := admin(t, admitted).Client().Database("$external").RunCommand(t.Context(), user).Err(); err != nil {
		t.Fatal(err)
	}
	reader, err := mongo.OpenReader(t.Context(), loggedIn)
	if err != nil {
		t.Fatal(err)
	}
	leases, err := persistence.Collect[persistence.Lease](t.Context(), reader, persistence.Query{Collection: persistence.Leases})
	if err != nil || len(leases) != 1 || leases[0].Node != "node" {
		t.Errorf("%+v, %v", leases, err)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
}

// Problems of TLS are reported with a remedy, by Open and by OpenReader.
func TestTLSProblems(t *testing.T) {
	t.Parallel()
	ours, others := certtest.New(t), certtest.New(t)
	client := ours.Issue("client")
	strict := mongotest.StartTLS(t, ours.Issue("server"), ours.File, client).Address()
	elsewhere := mongotest.Unfit(t, "--replSet", "rs0", "--tlsMode", "allowTLS", "--tlsCertificateKeyFile", ours.Elsewhere("elsewhere"), "--tlsCAFile", ours.File)
	plain := mongotest.Unfit(t, "--replSet", "rs0")
	nothing := filepath.Join(t.TempDir(), "nothing.pem")
	if err := os.WriteFile(nothing, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	const quick = "&serverSelectionTimeoutMS=300" // none of them is ever selected
	for _, test := range []struct{ name, uri, want string }{
		{"no TLS", "mongodb://" + strict + "/?replicaSet=rs0", "it requires TLS: add tls=true"},
		{"other authority", tlsURI(strict, others.File, client), "its certificate authority is not trusted: set tlsCAFile"},
		{"no authority", tlsURI(strict, "", client), "its certificate authority is not trusted: set tlsCAFile"},
		{"no client", tlsURI(strict, ours.File, ""), "it requires a client certificate: set tlsCertificateKeyFile"},
		{"client of others", tlsURI(strict, ours.File, others.Issue("client")), "it refuses the certificate in tlsCertificateKeyFile"},
		{"expired client", tlsURI(strict, ours.File, ours.Expired("expired")), "the certificate in tlsCertificateKeyFile of MONGODB_URI has expired, on 20"},
		{"server elsewhere", tlsURI(elsewhere, ours.File, client), "its certificate is not for 127.0.0.1: name the server"},
		{"server without TLS", tlsURI(plain, ours.File, client), "it does not use TLS"},
		{"missing authority", tlsURI(strict, "/nowhere/ca.pem", client), "a file that it names cannot be read: open /nowhere/ca.pem: no such file or directory"},
		{"missing client", tlsURI(strict, ours.File, "/nowhere/client.pem"), "a file that it names cannot be read: open /nowhere/client.pem: no such file or directory"},
		{"no authority in the file", tlsURI(strict, nothing, client), "the file in tlsCAFile contains no certificate"},
		{"no client in the file", tlsURI(strict, ours.File, nothing), "the file in tlsCertificateKeyFile must contain a certificate and its key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for opening, open := range map[string]func() error{
				"Open":       func() error { _, err := mongo.Open(t.Context(), test.uri+quick); return err },
				"OpenReader": func() error { _, err := mongo.OpenReader(t.Context(), test.uri+quick); return err },
			} {
				err := open()
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("%s says: %v, want %q", opening, err, test.want)
				}
			}
		})
	}
}

// A server's certificate that has expired is reported as that. mongod does not start with
// one, so that a listener presents it.
func TestExpiredServer(t *testing.T) {
	t.Parallel()
	authority := certtest.New(t)
	file := authority.Expired("server")
	certificate, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).HandshakeContext(t.Context()) // the client refuses it
				_ = conn.Close()
			}()
		}
	}()
	_, err = mongo.Open(t.Context(), tlsURI(listener.Addr().String(), authority.File, "", "serverSelectionTimeoutMS", "300"))
	if err == nil || !strings.Contains(err.Error(), "its certificate has expired or is not valid yet: renew it") {
		t.Errorf("it says: %v", err)
	}
}
