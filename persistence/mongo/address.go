package mongo

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// DefaultDatabase is the database of a URI that names none.
const DefaultDatabase = "event_worker"

// Address is the location of a database. Unlike the URI it contains no secret.
type Address struct {
	Hosts    []string
	Database string
	Server   string // the first server, host:port
}

// String formats the address for display.
func (a Address) String() string {
	return fmt.Sprintf("database %s on %s", a.Database, strings.Join(a.Hosts, ", "))
}

// AddressOf returns the location that a URI names. Its error does not quote the URI.
func AddressOf(uri string) (Address, error) {
	parsed, err := connstring.Parse(uri)
	if err != nil {
		return Address{}, fmt.Errorf("MONGODB_URI cannot be used: %s: it looks like mongodb://user:password@host:27017/database?replicaSet=rs0", uriProblem(uri, err))
	}
	a := Address{Hosts: parsed.Hosts, Database: parsed.Database, Server: withPort(parsed.Hosts[0])}
	if parsed.Scheme == connstring.SchemeMongoDBSRV {
		a.Hosts = []string{hostOf(uri)}
	}
	if a.Database == "" {
		a.Database = DefaultDatabase
	}
	return a, nil
}

// uriProblem describes what is wrong with a URI. The driver's own message may quote parts
// of the URI, including a password.
func uriProblem(uri string, err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("looking up the servers of %s fails", hostOf(uri))
	case !strings.HasPrefix(uri, connstring.SchemeMongoDB+"://") && !strings.HasPrefix(uri, connstring.SchemeMongoDBSRV+"://"):
		return "it does not start with mongodb:// or mongodb+srv://"
	case strings.Contains(err.Error(), "unescaped") || strings.Contains(err.Error(), "escape"):
		return "user name and password must have %XX for characters such as @ : / %"
	}
	if problem := fileProblem(err); problem != "" {
		return problem
	}
	return "it cannot be read"
}

func hostOf(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	end := strings.IndexAny(rest, "/?")
	if end >= 0 {
		rest = rest[:end]
	}
	return rest[strings.LastIndex(rest, "@")+1:]
}

const defaultPort = "27017"

// withPort adds MongoDB's default port to a host that has no port.
func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), defaultPort)
}
