package aptos

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
)

// errNotFound says that a node does not know what it was asked for.
var errNotFound = errors.New("not found")

// missingError says that a node has no such account or resource yet.
type missingError struct {
	version int64 // the ledger version of the answer; -1 if the node did not tell
	err     error
}

func (e *missingError) Error() string { return e.err.Error() }
func (e *missingError) Unwrap() error { return e.err }

// prunedError says that a node no longer has the history asked for.
type prunedError struct {
	oldest int64 // the oldest ledger version that it says to have; -1 if it does not tell
	err    error
}

func (e *prunedError) Error() string {
	text := chains.ErrPruned.Error()
	if e.oldest > 0 {
		text += fmt.Sprintf(": the endpoint has the ledger from version %d on: set the market's start to it, or configure an endpoint with the whole history", e.oldest)
	}
	return text + ": " + e.err.Error()
}

func (e *prunedError) Unwrap() []error { return []error{chains.ErrPruned, e.err} }

const oldestHeader = "X-Aptos-Ledger-Oldest-Version"

var (
	prunedWords  = regexp.MustCompile(`(?i)\bpruned?\b`)
	missingWords = regexp.MustCompile(`(?i)\b(account|resource)[ _]not[ _]found\b`)
)

// refusal says what a node means by an error.
func (n node) refusal(err error) error {
	status, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return err
	}
	version := int64(-1)
	if status.Header.Get(chainIDHeader) != "" {
		if version, err = n.dated(status.Header); err != nil {
			return err
		}
	}
	words := prunedWords.MatchString(status.Text)
	switch code := status.Status; {
	case code == http.StatusGone, words && (code == http.StatusNotFound || code >= 500):
		oldest, err := strconv.ParseInt(status.Header.Get(oldestHeader), 10, 64)
		if err != nil {
			oldest = -1
		}
		return &prunedError{oldest, status}
	case code == http.StatusNotFound && missingWords.MatchString(status.Text):
		return &missingError{version, status}
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: %w", errNotFound, status)
	}
	return status
}
