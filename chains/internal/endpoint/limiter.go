package endpoint

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/internal/random"
)

// limiter paces the calls to one endpoint: within the configured number of requests a second
// and, once the endpoint has refused calls for their rate, within the rate that it was seen to
// answer, which then grows until calls are refused again.
type limiter struct {
	requests *rate.Limiter // as configured; nil: any number
	pacing   Pacing

	mu          sync.Mutex
	rate        float64   // calls a second; 0: no limit is known
	next        time.Time // when the next call is due
	paused      time.Time // nothing is asked until then
	consecutive int       // refusals
	lowered     time.Time // when the rate was last lowered
	raised      time.Time // when it was last raised
	answered    float64   // calls, decaying
	refused     float64   // calls, decaying
	since       time.Time // when both were last decayed
}

// Pacing is how an endpoint is asked after it has refused calls for their rate.
type Pacing struct {
	MinPause time.Duration // after the first refusal; doubled with each further one in a row
	MaxPause time.Duration
	Window   time.Duration // over which answers and refusals are weighed against each other
	MinRate  float64       // calls a second, however much is refused
}

// DefaultPacing fits public providers, whose limits are per second.
var DefaultPacing = Pacing{MinPause: 250 * time.Millisecond, MaxPause: 30 * time.Second, Window: 2 * time.Second, MinRate: 2}

// unlimitedRate is the rate, in calls a second, beyond which there is no limit to speak of.
const unlimitedRate = 2000

func newLimiter(requestsPerSecond float64, pacing Pacing) *limiter {
	if pacing == (Pacing{}) {
		pacing = DefaultPacing
	}
	l := &limiter{pacing: pacing}
	if requestsPerSecond > 0 {
		l.requests = rate.NewLimiter(rate.Limit(requestsPerSecond), max(1, int(requestsPerSecond)))
	}
	return l
}

// pausedError: an endpoint is paused for longer than the caller waits.
type pausedError struct{ pause time.Duration }

func (e *pausedError) Error() string {
	return fmt.Sprintf("paused for %s after refusing requests for their rate", e.pause.Round(time.Second))
}

// Class is the class that the error is counted in.
func (e *pausedError) Class() string { return RateLimited }

// wait waits until a request of a number of calls is due; it fails at once if that is after a
// longer pause than maxPause.
func (l *limiter) wait(ctx context.Context, calls int, maxPause time.Duration) error {
	if pause := l.pausedFor(time.Now()); pause > maxPause {
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

// delay is how long a request must wait. If it is 0 its calls, one at least, are counted.
func (l *limiter) delay(now time.Time, calls int) time.Duration {
	calls = max(calls, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.paused.Sub(now); d > 0 {
		return d + random.N(d/8+time.Millisecond)
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

// noteAnswered records calls that were answered.
func (l *limiter) noteAnswered(now time.Time, calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decay(now)
	l.answered += float64(calls)
	l.consecutive = 0
	if l.rate > 0 && now.Sub(l.lowered) > l.pacing.Window/2 && now.Sub(l.raised) > l.pacing.Window/4 {
		l.rate, l.raised = l.rate*1.1+1, now
		if l.rate > unlimitedRate {
			l.rate = 0
		}
	}
}

// noteRefused records calls that were refused for their rate; wait is how long the endpoint
// said to wait, 0 if it did not. A few refusals among many answers make a pause and leave the
// rate as it is.
func (l *limiter) noteRefused(now time.Time, calls int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.decay(now)
	l.refused += float64(calls)
	if now.After(l.paused) { // calls in flight together are refused together
		l.consecutive++
	}
	pause := backoff.Delay(l.consecutive, l.pacing.MinPause, l.pacing.MaxPause)
	if wait > 0 {
		pause = wait
	}
	if until := now.Add(pause); until.After(l.paused) {
		l.paused = until
	}
	if now.Sub(l.lowered) < l.pacing.Window || l.refused <= l.answered/2 {
		return
	}
	seen := l.answered / l.pacing.Window.Seconds()
	if l.rate > 0 {
		seen = min(seen, l.rate)
	}
	l.rate, l.lowered = max(0.8*seen, l.pacing.MinRate), now
}

// decay makes old answers count less.
func (l *limiter) decay(now time.Time) {
	elapsed := now.Sub(l.since)
	l.since = now
	part := max(0, 1-elapsed.Seconds()/l.pacing.Window.Seconds())
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
