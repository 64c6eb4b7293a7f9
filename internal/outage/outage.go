// Package outage tells outages, which people must know of, from failures that pass within a
// moment. An outage is logged as an error once, and its end with the attribute Lasted, which
// brings it into error.log as well:
//
//	12:00:00  fails                      Note: false
//	12:00:03  fails                      Note: false
//	12:00:10  fails                      Note: true    level=ERROR … since=12:00:00
//	12:00:20  fails                      Note: false
//	12:01:00  works                      End: 1m0s     level=INFO … lasted=1m0s
package outage

import "time"

// Moment is how long something may fail before it counts as an outage.
const Moment = 10 * time.Second

// Lasted is the attribute of a log record that ends an outage: its duration.
const Lasted = "lasted"

// Outage is one thing that fails or works. Its zero value works. Its methods must not be
// called concurrently.
type Outage struct {
	since  time.Time
	logged bool
}

// Note notes that the thing fails. It returns true once in each outage, as soon as the outage
// has lasted for the duration after: that is when to log it.
func (o *Outage) Note(now time.Time, after time.Duration) bool {
	if o.since.IsZero() {
		o.since = now
	}
	if o.logged || now.Sub(o.since) < after {
		return false
	}
	o.logged = true
	return true
}

// Since is the time of the first failure, in UTC and RFC 3339.
func (o *Outage) Since() string { return o.since.UTC().Format(time.RFC3339) }

// Logged reports whether Note has returned true in this outage.
func (o *Outage) Logged() bool { return o.logged }

// End notes that the thing works. It returns how long an outage that was logged has lasted; 0
// if none was.
func (o *Outage) End(now time.Time) time.Duration {
	lasted := time.Duration(0)
	if o.logged {
		lasted = max(now.Sub(o.since).Round(time.Millisecond), time.Millisecond)
	}
	*o = Outage{}
	return lasted
}
