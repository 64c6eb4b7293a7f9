// Package backoff says how long to wait before something that failed is tried again: twice
// as long after each further failure in a row, up to a limit.
//
// With least 1 s and most 5 s the delays after 1, 2, 3, 4, 5 failures are 1, 2, 4, 5, 5 s.
package backoff

import (
	"context"
	"time"

	"github.com/imart/event-worker/internal/random"
)

// Delay is the wait after so many failures in a row.
func Delay(failures int, least, most time.Duration) time.Duration {
	d := least
	for i := 1; i < failures && d < most; i++ {
		d *= 2
	}
	return min(d, most)
}

// Jittered is Delay and up to half as long again, at random, so that what failed together
// is not tried again together.
func Jittered(failures int, least, most time.Duration) time.Duration {
	d := Delay(failures, least, most)
	return d + random.N(d/2+1)
}

// Sleep waits for a duration, or until ctx ends: then it returns the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
