package endpoint

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// held is how many bytes of a budget are leased.
func (b *Budget) held(t interface{ Fatal(...any) }, total int64) int64 {
	common := total - b.reserveBytes()
	free := int64(0)
	for part := common; part > 0; part /= 2 { // semaphores do not tell
		for free+part <= common && b.common.TryAcquire(part) {
			free += part
		}
	}
	for left := int64(1); b.common.TryAcquire(left); {
		free += left
	}
	b.common.Release(free)
	held := common - free
	if b.reserve.TryAcquire(1) {
		b.reserve.Release(1)
	} else {
		held += b.reserveBytes()
	}
	return held
}

func (b *Budget) reserveBytes() int64 { return (b.largest + 1) * 3 / 2 }

// checkReleased fails if anything of the budget is still leased.
func checkReleased(t *testing.T, e *Endpoint, total int64) {
	t.Helper()
	held := e.budget.held(t, total)
	for end := time.Now().Add(10 * time.Second); held > 2 && time.Now().Before(end); { // a connection that was given up may still be read
		time.Sleep(time.Millisecond)
		held = e.budget.held(t, total)
	}
	if held > 2 { // of roundings
		t.Errorf("%d bytes are held for ever", held)
	}
}

func TestAnswersGrowWithinTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1<<20, 4<<20).Draw(t, "budget")
		answers := rapid.SliceOfN(rapid.Int64Range(0, total/3), 1, 40).Draw(t, "answers")
		e, err := New(Config{URL: "http://host", Budget: NewBudget(total), MaxBody: rapid.Int64Range(1<<10, total).Draw(t, "most")})
		if err != nil {
			t.Fatal(err)
		}
		var inUse, most atomic.Int64
		var all sync.WaitGroup
		for _, size := range answers {
			all.Go(func() {
				body := &measured{left: size, inUse: &inUse, most: &most}
				if size > e.maxBody { // given back before it can be measured
					body.inUse, body.most = new(atomic.Int64), new(atomic.Int64)
				}
				answer, err := e.read(context.Background(), nil, body, 0)
				if (size > e.maxBody) != errors.Is(err, ErrTooLarge) {
					t.Errorf("answer of %d bytes, at most %d: %v", size, e.maxBody, err)
				}
				runtime.Gosched() // it is used
				body.inUse.Add(-body.counted)
				if err == nil {
					answer.Release()
				}
			})
		}
		all.Wait()
		if most.Load() > total {
			t.Errorf("%d bytes at once of %d", most.Load(), total)
		}
		if held := e.budget.held(t, total); held > 2 {
			t.Errorf("%d bytes are held for ever", held)
		}
	})
}

// measured is a body that measures how much of it is read into memory.
type measured struct {
	left, counted int64
	inUse, most   *atomic.Int64
}

func (m *measured) Read(into []byte) (int, error) {
	n := min(int64(len(into)), m.left)
	m.left -= n
	m.counted += n
	now := m.inUse.Add(n)
	for old := m.most.Load(); now > old && !m.most.CompareAndSwap(old, now); old = m.most.Load() {
	}
	if m.left == 0 {
		return int(n), io.EOF
	}
	return int(n), nil
}

func TestOneAnswerIsReadToItsEndHoweverManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const total = 3 << 20
		b := NewBudget(total)
		var done atomic.Int64
		for range 50 {
			go func() {
				lease := &Lease{budget: b}
				for size := int64(64 << 10); size <= b.largest; size *= 2 {
					if err := lease.grow(t.Context(), size); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Millisecond)
				}
				lease.Release()
				lease.Release() // does nothing
				done.Add(1)
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if done.Load() != 50 {
			t.Errorf("%d of 50 answers were read", done.Load())
		}
		if held := b.held(t, total); held > 2 {
			t.Errorf("%d bytes are held for ever", held)
		}
	})
}

func TestAnswersThatNobodyWaitsForDoNotWait(t *testing.T) {
	const total = 3 << 20
	b := NewBudget(total)
	all := b.TryLease(total - b.reserveBytes() - 2)
	if all == nil {
		t.Fatal("no room in a new budget")
	}
	if b.TryLease(64<<10) != nil {
		t.Error("room in a budget that is taken")
	}
	ahead := &Lease{budget: b}
	if err := ahead.grow(Prefetch(t.Context()), 64<<10); !errors.Is(err, ErrBudget) {
		t.Errorf("answer ahead: %v", err)
	}
	first := &Lease{budget: b}
	if err := first.grow(t.Context(), 64<<10); err != nil || !first.reserved {
		t.Errorf("answer that is waited for: %v, %+v", err, first)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	second := &Lease{budget: b}
	if err := second.grow(ctx, 64<<10); !errors.Is(err, context.Canceled) || second.reserved {
		t.Errorf("a second one, cancelled: %v", err)
	}
	first.Release()
	if err := second.grow(t.Context(), b.largest); err != nil {
		t.Error(err)
	}
	second.Release()
	all.Release()
	var none *Lease
	none.Release()
	if held := b.held(t, total); held > 2 {
		t.Errorf("%d bytes are held for ever", held)
	}
}

func TestMemoryIsGivenBackWhateverHappens(t *testing.T) {
	const total = 3 << 20
	zeros := make([]byte, 64<<10)
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(zeros); err != nil {
				return
			}
		}
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		want    error
		class   string
	}{
		"endless": {endless, ErrTooLarge, AnswerTooLarge},
		"gzip bomb": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			bomb := gzip.NewWriter(w)
			for range 1000 {
				if _, err := bomb.Write(zeros); err != nil {
					return
				}
			}
		}, ErrTooLarge, AnswerTooLarge},
		"too large as announced": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(total))
			w.Write(zeros)
		}, ErrTooLarge, AnswerTooLarge},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500000")
			w.Write(zeros)
		}, io.ErrUnexpectedEOF, Transport},
		"cut off in chunks": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write(zeros)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, io.ErrUnexpectedEOF, Transport},
		"broken gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bytes.Repeat([]byte("no gzip"), 100))
		}, nil, Transport},
		"silent": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(zeros)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, ErrTimeout, Timeout},
		"endless refusal": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTooManyRequests)
			endless(w, r)
		}, nil, RateLimited},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := serve(t, Config{Budget: NewBudget(total), Timeout: time.Minute}, test.handler)
			if name == "silent" {
				e.timeout = 50 * time.Millisecond
			}
			_, err := e.Post(t.Context(), []byte("{}"))
			if err == nil || test.want != nil && !errors.Is(err, test.want) || ClassOf(err) != test.class {
				t.Errorf("error %v of class %s, want %v of class %s", err, ClassOf(err), test.want, test.class)
			}
			checkReleased(t, e, total)
			if e.health.inFlight != 0 {
				t.Errorf("%d requests in flight for ever", e.health.inFlight)
			}
		})
	}
	t.Run("cancelled while it waits for memory", func(t *testing.T) {
		e := serve(t, Config{Budget: NewBudget(total)}, endless)
		common := e.budget.TryLease(total - e.budget.reserveBytes() - 2)
		if err := e.budget.reserve.Acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := e.Post(ctx, []byte("{}")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := e.Post(Prefetch(t.Context()), []byte("{}")); !errors.Is(err, ErrBudget) || e.Status().Errors != nil && e.Status().Errors[Other] > 0 {
			t.Error(err, e.Status())
		}
		common.Release()
		e.budget.reserve.Release(1)
		checkReleased(t, e, total)
	})
}

func TestBuffersThatAreUsedAgainCount(t *testing.T) {
	const total = 3 << 20
	e, err := New(Config{URL: "http://host", Budget: NewBudget(total)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		answer, err := e.read(t.Context(), nil, bytes.NewReader(make([]byte, 300_000)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Body()) != 300_000 {
			t.Errorf("%d bytes", len(answer.Body()))
		}
		if held := e.budget.held(t, total); held < 300_000 {
			t.Errorf("%d bytes count of 300,000", held)
		}
		answer.Release()
		checkReleased(t, e, total)
	}
}

func TestAnswersAreWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 1<<20).Draw(t, "size")
		most := rapid.Int64Range(1, 1<<20).Draw(t, "most")
		e, err := New(Config{URL: "http://host", MaxBody: most, Budget: NewBudget(8 << 20)})
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(i * 7)
		}
		for range 2 { // the second time with a buffer that was used
			answer, err := e.read(context.Background(), nil, iotest.DataErrReader(bytes.NewReader(body)), 0)
			if tooLarge := int64(size) > most; errors.Is(err, ErrTooLarge) != tooLarge || !tooLarge && err != nil {
				t.Fatalf("%d bytes, at most %d: %v", size, most, err)
			}
			if err != nil {
				continue
			}
			if !bytes.Equal(answer.Body(), body) {
				t.Fatal("other bytes")
			}
			answer.Release()
		}
	})
}
