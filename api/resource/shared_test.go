package resource

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// visitor requests a page at a time, and waits no longer than its patience.
type visitor struct {
	page         string
	at, patience time.Duration
}

// Every request is answered by a query that begins after the request arrives, within the
// interval every. Queries of the same page begin at least that interval apart.
func TestSharedQueries(outer *testing.T) {
	const every, takes = 100 * time.Millisecond, 30 * time.Millisecond
	rapid.Check(outer, func(t *rapid.T) {
		visitors := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) visitor {
			return visitor{
				rapid.SampledFrom([]string{"a", "b"}).Draw(t, "page"), time.Duration(rapid.IntRange(0, 300).Draw(t, "at")) * time.Millisecond,
				rapid.SampledFrom([]time.Duration{time.Hour, 20 * time.Millisecond, 60 * time.Millisecond}).Draw(t, "patience"),
			}
		}), 1, 12).Draw(t, "visitors")
		var wrong []string
		synctest.Test(outer, func(*testing.T) { wrong = visitAll(visitors, every, takes) })
		if len(wrong) > 0 {
			t.Fatalf("%v", wrong)
		}
	})
}

// visitAll simulates visitors, and returns the violations.
func visitAll(visitors []visitor, every, takes time.Duration) (wrong []string) {
	s, started := newShared(every), time.Now()
	var mu sync.Mutex
	var all sync.WaitGroup
	begun := map[string][]time.Duration{}
	complain := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		wrong = append(wrong, fmt.Sprintf(format, args...))
	}
	for _, v := range visitors {
		all.Go(func() {
			time.Sleep(v.at)
			ctx, cancel := context.WithTimeout(context.Background(), v.patience)
			defer cancel()
			page, err := s.do(ctx, v.page, func(ctx context.Context) (response, error) {
				at := time.Since(started)
				mu.Lock()
				begun[v.page] = append(begun[v.page], at)
				mu.Unlock()
				select {
				case <-time.After(takes):
				case <-ctx.Done():
					return response{}, ctx.Err()
				}
				return response{position: at.String(), link: v.page}, nil
			})
			ended := time.Since(started)
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) || ended < v.at+v.patience {
					complain("%+v failed at %s: %v", v, ended, err)
				}
				return
			}
			if at, _ := time.ParseDuration(page.position); at < v.at || page.link != v.page || ended > v.at+every+takes {
				complain("%+v was answered at %s by a query of %s at %s", v, ended, page.link, at)
			}
		})
	}
	all.Wait()
	time.Sleep(time.Second)
	mu.Lock()
	read := maps.Clone(begun)
	mu.Unlock()
	for page, at := range read {
		for i := 1; i < len(at); i++ {
			if at[i]-at[i-1] < every {
				complain("%s was read at %s and at %s", page, at[i-1], at[i])
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.next) > 0 {
		complain("%d rounds are never removed", len(s.next))
	}
	return wrong
}

// A query that panics fails its requests, but not the process.
func TestPanicsOfSharedQueriesAreErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := newShared(time.Second).do(t.Context(), "a", func(context.Context) (response, error) { panic("oh") })
		if err == nil {
			t.Error("no error")
		}
		time.Sleep(time.Minute)
	})
}
