package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
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
		return fmt.Errorf("MongoDB, %s: no primary answers%s: check MONGODB_URI and the network: %w", r.address, serverStates(selection), context.DeadlineExceeded)
	case driver.IsTimeout(err):
		return fmt.Errorf("MongoDB, %s: no answer in time: %w", r.address, err)
	}
	return fmt.Errorf("MongoDB, %s: %w", r.address, err)
}

// serverStates lists the last error of each server, or else its role.
func serverStates(e topology.ServerSelectionError) string {
	var out strings.Builder
	for _, server := range e.Desc.Servers {
		switch {
		case server.LastError != nil:
			fmt.Fprintf(&out, ", %s: %v", server.Addr, server.LastError)
		case server.Kind == description.Unknown:
			fmt.Fprintf(&out, ", %s has not answered yet", server.Addr)
		default:
			fmt.Fprintf(&out, ", %s is %v", server.Addr, server.Kind)
		}
	}
	return out.String()
}

// errStreamEnded means that the server closed a change stream, for example because the
// database was dropped.
var errStreamEnded = errors.New("the server has ended the change stream")

var errClosed = errors.New("the store is closed")

// The server's error codes for resume tokens.
const (
	badValue                = 2
	failedToParse           = 9
	typeMismatch            = 14
	overflow                = 15
	invalidUUID             = 207
	invalidResumeToken      = 260
	changeStreamFatalError  = 280
	changeStreamHistoryLost = 286
)

// positionError converts a server's error to ErrPositionGone or ErrPositionInvalid, if it
// means one of them.
func positionError(err error) error {
	switch {
	case hasCode(err, changeStreamHistoryLost), hasCode(err, changeStreamFatalError):
		return fmt.Errorf("%w: %.300s", persistence.ErrPositionGone, err)
	case hasCode(err, invalidResumeToken):
		return persistence.ErrPositionInvalid
	}
	return err
}

// openingError is positionError for an error of opening a stream at a position. The server
// has many errors for a token that it cannot decode, most of them without a name.
func openingError(err error) error {
	var command driver.CommandError
	undecodable := errors.As(err, &command) && (strings.HasPrefix(command.Name, "Location") || slices.Contains([]int32{badValue, failedToParse, typeMismatch, overflow, invalidUUID}, command.Code))
	if undecodable {
		return persistence.ErrPositionInvalid
	}
	return positionError(err)
}

// resumable are the server's error codes after which a change stream can be resumed
// (https://github.com/mongodb/specifications/blob/master/source/change-streams/change-streams.md#resumable-error).
var resumable = []int{6, 7, 43, 63, 89, 91, 133, 150, 189, 234, 262, 9001, 10107, 11600, 11602, 13388, 13435, 13436}

// interrupted reports whether an error ended a change stream that can be resumed.
func interrupted(err error) bool {
	return transient(err) || errors.Is(err, errStreamEnded) || slices.ContainsFunc(resumable, func(code int) bool { return hasCode(err, code) })
}
