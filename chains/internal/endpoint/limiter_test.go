package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Second, "0.25": 250 * time.Millisecond, "120": 2 * time.Minute, "99999999999999999999": maxWait, "1e300": maxWait,
		"Inf": maxWait, "NaN": 0, "-1": 0, "soon": 0,
		"Thu, 02 Jan 2025 03:04:35 GMT": 30 * time.Second, "Thu, 02 Jan 2025 03:04:05 GMT": 0, "Thu, 02 Jan 2020 03:04:05 GMT": 0,
		"Thu, 02 Jan 9999 03:04:05 GMT": maxWait,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestAPauseGrowsUntilSomethingIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(0, Pacing{})
		var last time.Duration
		for i := range 12 {
			for range 8 { // were under way together
				l.noteRefused(time.Now(), 1, 0)
			}
			pause := l.pausedFor(time.Now())
			if want := min(DefaultPacing.MinPause<<i, DefaultPacing.MaxPause); pause != want {
				t.Fatalf("pause %v after %v, want %v", pause, last, want)
			}
			last = pause
			begun := time.Now()
			if err := l.wait(t.Context(), 1, forever); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(begun); waited < pause || waited > pause*3/2 {
				t.Errorf("waited %v of a pause of %v", waited, pause)
			}
			time.Sleep(10 * time.Second)
		}
		l.noteAnswered(time.Now(), 1)
		l.noteRefused(time.Now(), 1, 0)
		if pause := l.pausedFor(time.Now()); pause != DefaultPacing.MinPause {
			t.Errorf("pause %v after an answer", pause)
		}
		l.noteRefused(time.Now(), 1, 7*time.Second)
		if pause := l.pausedFor(time.Now()); pause != 7*time.Second {
			t.Errorf("pause %v where 7 s were told", pause)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.wait(ctx, 1, forever); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if err := l.wait(t.Context(), 1, 2*time.Second); ClassOf(err) != RateLimited {
			t.Errorf("a pause longer than there is patience: %v", err)
		}
	})
}

// bucket is an endpoint that answers so many calls a second.
type bucket struct {
	rate, burst float64
	level       float64
	last        time.Time
}

func (b *bucket) take(calls int) bool {
	now := time.Now()
	b.level = min(b.burst, b.level+b.rate*now.Sub(b.last).Seconds())
	b.last = now
	if b.level < float64(calls) {
		return false
	}
	b.level -= float64(calls)
	return true
}

func TestARateIsFound(t *testing.T) {
	for _, test := range []struct {
		rate, burst    float64
		workers, calls int
		told           bool // how long to wait
	}{
		{25, 100, 8, 1, false}, {25, 100, 1, 1, false}, {25, 100, 4, 10, false}, {25, 100, 8, 1, true}, {25, 25, 8, 1, false}, {200, 400, 8, 20, false}, {10, 10, 8, 5, false},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{rate: test.rate, burst: test.burst, level: test.burst, last: time.Now()}
				l := newLimiter(0, Pacing{})
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				taken := make(chan struct{}, 1)
				taken <- struct{}{}
				answered, refused := 0, 0
				var all sync.WaitGroup
				for range test.workers {
					all.Go(func() {
						for ctx.Err() == nil && l.wait(ctx, test.calls, forever) == nil {
							time.Sleep(20 * time.Millisecond)
							<-taken
							if b.take(test.calls) {
								answered += test.calls
								l.noteAnswered(time.Now(), test.calls)
							} else {
								refused += test.calls
								wait := time.Duration(0)
								if test.told {
									wait = time.Second
								}
								l.noteRefused(time.Now(), test.calls, wait)
							}
							taken <- struct{}{}
							time.Sleep(20 * time.Millisecond)
						}
					})
				}
				all.Wait()
				could := 30*test.rate + test.burst
				if part := float64(answered) / min(could, float64(30*test.workers*test.calls*25)); part < 0.6 {
					t.Errorf("%.0f %% of the rate is used", 100*part)
				}
				if part := float64(refused) / float64(answered+refused); part > 0.3 {
					t.Errorf("%.0f %% are refused", 100*part)
				}
				t.Logf("%d answered of %.0f, %d refused, rate %.1f", answered, could, refused, l.current())
			})
		})
	}
}

func TestAConfiguredRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(5, Pacing{})
		var asked atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for range 4 {
			go func() {
				for l.wait(ctx, 100, forever) == nil {
					asked.Add(1)
					l.noteAnswered(time.Now(), 100)
				}
			}()
		}
		<-ctx.Done()
		synctest.Wait()
		if n := asked.Load(); n < 99 || n > 106 {
			t.Errorf("%d requests in 20 s at 5 a second", n)
		}
		if l.current() != 5 {
			t.Errorf("rate %v", l.current())
		}
	})
}
