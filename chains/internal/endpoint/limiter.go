package endpoint

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/imart/event-worker/internal/backoff"
)

// limiter paces the calls to one endpoint: within a configured number of requests a
// second, and, once the endpoint has refused calls for their rate, within what it was
// seen to answer, which then grows again until it refuses again.
type limiter struct {
	requests *rate.Limiter // as configured; nil: any number

	mu       sync.Mutex
	rate     float64   // calls a second; 0: no limit is known
	next     time.Time // when the next call is due
	paused   time.Time // until when nothing is asked
	inARow   int       // refusals
	lowered  time.Time // when the rate was last lowered
	raised   time.Time // when it was last raised
	answered float64   // calls lately answered, decaying
	refused  float64   // and refused
	since    time.Time // as of when
}

const (
	pauseLeast  = 250 * time.Millisecond
	pauseMost   = 30 * time.Second
	rateWindow  = 2 * time.Second
	rateLeast   = 2    // calls a second
	rateForgets = 2000 // calls a second, beyond which a rate is no limit
)

func newLimiter(requestsPerSecond float64) *limiter {
	l := &limiter{}
	if requestsPerSecond > 0 {
		l.requests = rate.NewLimiter(rate.Limit(requestsPerSecond), max(1, int(requestsPerSecond)))
	}
	return l
}

// pausedError says that an endpoint is not to be asked for longer than there is
// patience.
type pausedError struct{ pause time.Duration }

func (e *pausedError) Error() string {
	return fmt.Sprintf("not asked for %s, as it refused requests for their rate", e.pause.Round(time.Second))
}

// Class is the class that the error is counted in.
func (e *pausedError) Class() string { return RateLimited }

// wait waits until a request of a number of calls is due, for a pause no longer than
// there is patience.
func (l *limiter) wait(ctx context.Context, calls int, patience time.Duration) error {
	if pause := l.pausedFor(time.Now()); pause > patience {
		return &pausedError{pause}
	}
	if l.requests != nil {
		if err := l.requests.Wait(ctx); err != nil {
			return err
		}
	}
	for {
		delay := l.delay(time.Now(), calls)
		if delay <= 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(delay):
		}
	}
}

// delay is how long a request has to wait; if not at all, its calls are counted, of
// which there is one at least.
func (l *limiter) delay(now time.Time, calls int) time.Duration {
	calls = max(calls, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.paused.Sub(now); d > 0 {
		return d + rand.N(d/8+time.Millisecond)
	}
	if l.rate == 0 {
		return 0
	}
	if d := l.next.Sub(now); d > 0 {
		return d
	}
	l.next = now.Add(time.Duration(float64(calls) / l.rate * float64(time.Second)))
	return 0
}

// pausedFor is how long nothing is asked.
func (l *limiter) pausedFor(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.paused.Sub(now)
}

// answer notes that calls were answered.
func (l *limiter) answer(now time.Time, calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decay(now)
	l.answered += float64(calls)
	l.inARow = 0
	if l.rate > 0 && now.Sub(l.lowered) > time.Second && now.Sub(l.raised) > time.Second/2 {
		l.rate, l.raised = l.rate*1.1+1, now
		if l.rate > rateForgets {
			l.rate = 0
		}
	}
}

// refuse notes that calls were refused for their rate; wait is how long the endpoint
// said to wait, if it did. A few refusals among many answers make a pause, and leave the
// rate as it is.
func (l *limiter) refuse(now time.Time, calls int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decay(now)
	l.refused += float64(calls)
	if now.After(l.paused) { // what was under way together is refused together
		l.inARow++
	}
	pause := backoff.Delay(l.inARow, pauseLeast, pauseMost)
	if wait > 0 {
		pause = wait
	}
	if until := now.Add(pause); until.After(l.paused) {
		l.paused = until
	}
	if now.Sub(l.lowered) < rateWindow || l.refused <= l.answered/2 {
		return
	}
	seen := l.answered / rateWindow.Seconds()
	if l.rate > 0 {
		seen = min(seen, l.rate)
	}
	l.rate, l.lowered = max(0.8*seen, rateLeast), now
}

// decay lets what was answered long ago count less.
func (l *limiter) decay(now time.Time) {
	elapsed := now.Sub(l.since)
	l.since = now
	part := max(0, 1-elapsed.Seconds()/rateWindow.Seconds())
	l.answered, l.refused = l.answered*part, l.refused*part
}

// current is the rate in calls a second; 0 if no limit is known.
func (l *limiter) current() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests != nil && (l.rate == 0 || float64(l.requests.Limit()) < l.rate) {
		return float64(l.requests.Limit())
	}
	return l.rate
}
