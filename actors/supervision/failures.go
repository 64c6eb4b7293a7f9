package supervision

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Backoff is how long a failed actor waits for its restart: Min after the first failure
// in a row, twice as long after each further one, at most Max, and up to half as long
// again at random, so that actors that failed together are not restarted together. The
// number of restarts is not limited.
type Backoff struct {
	Min, Max time.Duration
}

// DefaultBackoff is the backoff of a production node.
var DefaultBackoff = Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}

// Delay is the wait after n failures in a row, n >= 1.
func (b Backoff) Delay(n int) time.Duration {
	d := b.Max
	if n < 32 && b.Min<<(n-1) < b.Max {
		d = b.Min << (n - 1)
	}
	return d + time.Duration(rand.Int64N(int64(d)/2+1))
}

// Failures is how actors have failed, by the key of their documents. It outlives restarts.
type Failures struct {
	mu    sync.Mutex
	byKey map[string]Failure
}

// Failure is how an actor failed last.
type Failure struct {
	InARow  int
	at      time.Time
	Pending int64 // restarts that are not counted on the actor's document yet
	Reason  string
}

func newFailures() *Failures { return &Failures{byKey: map[string]Failure{}} }

// add notes a failure. It starts a new row if the actor has not failed for quiet.
func (f *Failures) add(key, reason string, quiet time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.byKey[key]
	if time.Since(last.at) > quiet {
		last.InARow = 0
	}
	f.byKey[key] = Failure{last.InARow + 1, time.Now(), last.Pending + 1, reason}
}

// ended ends an actor's row of failures.
func (f *Failures) ended(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, failed := f.byKey[key]; failed {
		last.InARow = 0
		f.byKey[key] = last
	}
}

// Get is how an actor failed last; zero if it never has.
func (f *Failures) Get(key string) Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byKey[key]
}

// counted notes that a claim has added n restarts to the actor's document.
func (f *Failures) counted(key string, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.byKey[key]
	last.Pending -= n
	f.byKey[key] = last
}
