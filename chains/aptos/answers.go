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

// missingError: a node has no such account or resource. It is an answer as of a ledger
// version.
type missingError struct {
	version int64 // the ledger version of the answer; -1 if the node did not tell
	err     error
}

func (e *missingError) Error() string { return e.err.Error() }
func (e *missingError) Unwrap() error { return e.err }

// prunedError: a node no longer has the history asked for.
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

// Class is the class that the error is counted in.
func (e *prunedError) Class() string { return endpoint.Pruned }

var (
	prunedWords  = regexp.MustCompile(`(?i)\bpruned?\b`)
	missingWords = regexp.MustCompile(`(?i)\b(account|resource)[ _]not[ _]found\b`)
)

// interpret recognises errors that mean pruned history.
func (n node) interpret(e *endpoint.Endpoint, err error) error {
	status, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return err
	}
	if status.Status == http.StatusGone || status.Status >= 500 && prunedWords.MatchString(status.Text) {
		return n.pruned(e, status.Header, status)
	}
	return err
}

// pruned returns the error of an endpoint that has pruned what it is asked for, if it serves
// the configured chain.
func (n node) pruned(e *endpoint.Endpoint, header http.Header, cause error) error {
	if header.Get(chainIDHeader) != "" {
		if _, err := n.checkHeaders(e, header); err != nil {
			return err
		}
	}
	oldest, err := strconv.ParseInt(header.Get(oldestHeader), 10, 64)
	if err != nil {
		oldest = -1
	}
	if oldest > 0 {
		e.MarkPrunedBelow(oldest)
	}
	return &prunedError{oldest, cause}
}

// notFound interprets status 404: there is no such account or resource as of a ledger version,
// or it is an error.
func (n node) notFound(e *endpoint.Endpoint, r request, answer endpoint.Answer) (*missingError, error) {
	text := answer.Body()
	status := &endpoint.StatusError{Host: e.Host(), Status: answer.Status, Text: e.Redact(string(text[:min(len(text), 4<<10)]))}
	if prunedWords.MatchString(status.Text) {
		return nil, n.pruned(e, answer.Header, status)
	}
	version := int64(-1)
	if answer.Header.Get(chainIDHeader) != "" {
		var err error
		if version, err = n.checkHeaders(e, answer.Header); err != nil {
			return nil, err
		}
		if err := n.checkReached(e, r, version); err != nil {
			return nil, err
		}
	}
	if missingWords.MatchString(status.Text) {
		return &missingError{version, status}, nil
	}
	if r.need.To > 0 { // the version asked for is not there yet
		e.MarkLagging()
		return nil, fmt.Errorf("%w: version %d: %w", chains.ErrAhead, r.need.To, status)
	}
	return nil, status
}
