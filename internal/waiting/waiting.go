// Package waiting reports long waits while they last.
package waiting

import (
	"sync"
	"time"
)

const (
	// After is the duration of a wait before the first report.
	After = 2 * time.Second
	// Again is the interval of further reports.
	Again = 10 * time.Second
)

// Say calls say in its own goroutine once a wait has lasted After, and then every Again.
// The returned function ends the wait; it may be called more than once, and say is not
// called after it has returned.
func Say(say func(waited time.Duration)) (over func()) {
	begun, ended := time.Now(), make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		timer := time.NewTimer(After)
		defer timer.Stop()
		for {
			select {
			case <-ended:
				return
			case now := <-timer.C:
				say(now.Sub(begun).Round(time.Second))
				timer.Reset(Again)
			}
		}
	})
	return sync.OnceFunc(func() {
		close(ended)
		reporting.Wait()
	})
}
