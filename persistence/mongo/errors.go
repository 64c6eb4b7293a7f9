package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/imart/event-worker/persistence"
)

// The server's error codes that the store handles
// (https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml).
const (
	unauthorized            = 13
	authenticationFailed    = 18
	alreadyInitialized      = 23
	namespaceExists         = 48
	nodeNotFound            = 74
	indexOptionsConflict    = 85
	indexKeySpecsConflict   = 86
	invalidReplicaSetConfig = 93
)

func hasCode(err error, code int) bool {
	var server driver.ServerError
	return errors.As(err, &server) && server.HasErrorCode(code)
}

// explain adds to an error the address where it happened and a remedy.
func (r *Reader) explain(err error) error {
	var selection topology.ServerSelectionError
	switch {
	case err == nil, errors.Is(err, persistence.ErrFenced), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, driver.ErrClientDisconnected):
		return errClosed
	case hasCode(err, authenticationFailed), strings.Contains(err.Error(), "auth error"):
		return fmt.Errorf("MongoDB, %s: the login was refused: check user name, password and authSource in MONGODB_URI", r.address)
	case hasCode(err, unauthorized):
		return fmt.Errorf("MongoDB, %s: the user may not do this: give it the roles readWrite and dbAdmin on the database: %.200s", r.address, err) // the server's message quotes the whole command
	case errors.As(err, &selection):
		return fmt.Errorf("MongoDB, %s: no primary answers%s: check MONGODB_URI and the network: %w", r.address, lastErrors(selection), context.DeadlineExceeded)
	case driver.IsTimeout(err):
		return fmt.Errorf("MongoDB, %s: no answer in time: %w", r.address, err)
	}
	return fmt.Errorf("MongoDB, %s: %w", r.address, err)
}

// lastErrors lists the last error of each server.
func lastErrors(e topology.ServerSelectionError) string {
	var out strings.Builder
	for _, server := range e.Desc.Servers {
		if server.LastError != nil {
			fmt.Fprintf(&out, ", %s: %v", server.Addr, server.LastError)
		}
	}
	return out.String()
}

// errStreamEnded means that the server closed a change stream, for example because the
// database was dropped.
var errStreamEnded = errors.New("the server has ended the change stream")

var errClosed = errors.New("the store is closed")
