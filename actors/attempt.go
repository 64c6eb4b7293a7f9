package actors

import (
	"errors"
	"time"

	"github.com/imart/event-worker/chains"
)

// firstLook is how soon the chain is asked again for what it does not have yet.
const firstLook = 20 * time.Millisecond

// lastLook bounds the wait between two attempts. Endpoints that fail are spared by the
// chain itself, and must not be back for long before they are noticed.
const lastLook = 3 * time.Second

// attempt is slow work on the chain that is done again when nothing comes of it,
// each time later, until it succeeds. An endpoint's failure can be handled where it
// happens: a restart would drop what has been read ahead.
type attempt struct {
	busy     bool
	failures int          // in a row
	early    int          // times in a row that the chain had nothing yet
	err      error        // why nothing came of it; nil once it has succeeded
	finality error        // the ErrFinality since which it has not succeeded
	waiting  bool         // until it is due again
	view     *chains.View // by which the chain had nothing yet: another view may tell
	turn     int          // of the timer
}

// again says that an attempt is due.
type again struct {
	of   *attempt
	turn int
}

// may says whether the work may be done by a view now.
func (a *attempt) may(view *chains.View) bool {
	return !a.busy && !a.waiting && (a.view == nil || a.view != view)
}

// succeeded ends the row of failures.
func (a *attempt) succeeded() { *a = attempt{turn: a.turn + 1} }

// unneeded forgets failures of work that is no longer wanted.
func (a *attempt) unneeded() {
	if !a.busy {
		a.succeeded()
	}
}

// failed notes a failure. It returns after how long the work is to be done again.
func (a *attempt) failed(err error, backoff Backoff, tick time.Duration) time.Duration {
	a.failures++
	a.err, a.view, a.waiting = err, nil, true
	if errors.Is(err, chains.ErrFinality) {
		a.finality = err
		return tick
	}
	return min(backoff.delay(a.failures), lastLook)
}

// notYet has the work done again by another view, or in a while: the chain, or the
// endpoint that was asked, does not have by this view what was asked for.
func (a *attempt) notYet(l *life, view *chains.View, err error, most time.Duration) {
	a.early++
	a.failures, a.err, a.view = 0, err, view
	a.in(l, Backoff{min(firstLook, most), most}.delay(a.early))
}

// in has the work done again after some time.
func (a *attempt) in(l *life, delay time.Duration) {
	a.turn++
	l.after(delay, again{a, a.turn})
}

// due notes that it is time.
func (m again) due() {
	if m.turn == m.of.turn {
		m.of.waiting, m.of.view = false, nil
	}
}

// isEarly says whether an error means that another view, or some time, will tell.
func isEarly(err error) bool {
	return errors.Is(err, chains.ErrAhead) || errors.Is(err, chains.ErrReorganised)
}
