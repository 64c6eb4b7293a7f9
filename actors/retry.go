package actors

import (
	"errors"
	"time"

	"github.com/imart/event-worker/actors/supervision"
	"github.com/imart/event-worker/chains"
)

// The pause before the chain is asked again for data that it does not have yet starts at
// firstRetry. The pause between two attempts is at most lastRetry: the chain itself spares
// failing endpoints, and a recovered one should be noticed quickly.
const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = 3 * time.Second
)

// attempt is slow work on the chain that is repeated until it succeeds, each time after a
// longer wait. An endpoint's failure is handled where it happens, as a restart would drop
// what has been read ahead.
type attempt struct {
	busy      bool
	failures  int          // in a row
	early     int          // times in a row that the chain had nothing yet
	err       error        // of the last time; nil once it has succeeded
	violation error        // the ErrFinality since which it has not succeeded
	waiting   bool         // for its timer
	view      *chains.View // on which the chain had nothing yet: another view may tell
	turn      int          // of the timer
}

// retryDue says that it is time for the next attempt.
type retryDue struct {
	of   *attempt
	turn int
}

// ready reports whether the work may be done on a view now.
func (a *attempt) ready(view *chains.View) bool {
	return !a.busy && !a.waiting && (a.view == nil || a.view != view)
}

// succeeded ends the row of failures.
func (a *attempt) succeeded() { *a = attempt{turn: a.turn + 1} }

// reset forgets the failures of work that is no longer needed.
func (a *attempt) reset() {
	if !a.busy {
		a.succeeded()
	}
}

// failed notes a failure, and returns the wait before the next attempt.
func (a *attempt) failed(err error, backoff supervision.Backoff, tick time.Duration) time.Duration {
	a.failures++
	a.err, a.view, a.waiting = err, nil, true
	if errors.Is(err, chains.ErrFinality) {
		a.violation = err
		return tick
	}
	return min(backoff.Delay(a.failures), lastRetry)
}

// notYet repeats the work on another view, or after a pause: the chain, or the endpoint
// that was asked, does not have the data on this view yet.
func (a *attempt) notYet(inc *supervision.Incarnation, view *chains.View, err error, most time.Duration) {
	a.early++
	a.failures, a.err, a.view = 0, err, view
	a.retryIn(inc, supervision.Backoff{Min: min(firstRetry, most), Max: most}.Delay(a.early))
}

// retryIn has the work repeated after a delay.
func (a *attempt) retryIn(inc *supervision.Incarnation, delay time.Duration) {
	a.turn++
	inc.After(delay, retryDue{a, a.turn})
}

// apply makes the attempt ready, unless it was made or put off meanwhile.
func (m retryDue) apply() {
	if m.turn == m.of.turn {
		m.of.waiting, m.of.view = false, nil
	}
}

// isEarly reports whether the work may succeed on another view, or later.
func isEarly(err error) bool {
	return errors.Is(err, chains.ErrAhead) || errors.Is(err, chains.ErrReorganised) || errors.Is(err, chains.ErrWaits)
}
