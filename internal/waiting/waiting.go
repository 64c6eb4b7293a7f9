// Package waiting has a process say what it waits for, while it waits.
package waiting

import (
	"sync"
	"time"
)

const (
	// After is how long a wait must take before anything is said.
	After = 2 * time.Second
	// Again is how often it is said again.
	Again = 10 * time.Second
)

// Say calls say once a wait has taken After, and again and again until the wait is over. The
// function that it returns ends the wait: say is not called afterwards.
func Say(say func(waited time.Duration)) (over func()) {
	begun, ended := time.Now(), make(chan struct{})
	var saying sync.WaitGroup
	saying.Go(func() {
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
		saying.Wait()
	})
}
