package aptos

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/chains/internal/rawdata"
)

// Bounds of flows.
const (
	maxSessions   = 4               // beside those with readers
	sessionAhead  = 16 * pageSize   // versions read ahead of the highest requested
	sessionIdle   = 2 * time.Minute // after which it is ended
	maxStreamWait = 5 * time.Second // for a version that the REST API has
)

// session is one call of the transaction stream: transactions from a version on, read page by
// page as far as they are asked for, and somewhat ahead.
type session struct {
	*stream
	cancel context.CancelFunc

	mu      sync.Mutex
	changed chan struct{}         // closed when a field below changes
	pages   map[int64]*ledgerPage // by number; the last may be partial
	next    int64                 // the next version to come
	want    int64                 // the highest version asked for
	waiting int
	used    time.Time
	err     error // set when it has ended
}

// streamPages is ledgerPages from the stream: what has come, and at least the version first.
// With handles set, cached pages of the REST API do not count, as they lack handle events.
func (c *Chain) streamPages(ctx context.Context, first, last int64, handles bool) ([]*ledgerPage, error) {
	var pages []*ledgerPage
	for number := first / pageSize; number <= last/pageSize && len(pages) < pagesRead; number++ {
		from := max(first, number*pageSize)
		p, ok := c.pages.Get(number)
		if !ok || !p.holds(from, from) || handles && !p.fromStream {
			var err error
			if p, err = c.stream.page(ctx, number, from, len(pages) == 0); err != nil && len(pages) == 0 {
				return nil, err
			}
			if p == nil {
				break
			}
			c.pages.Add(number, p)
		}
		pages = append(pages, p)
		if p.last < (number+1)*pageSize-1 {
			break
		}
	}
	return pages, nil
}

// page returns the page of a number, from a version on and as far as it has come. If it has
// not, page waits for it, or returns nil.
func (s *stream) page(ctx context.Context, number, from int64, wait bool) (*ledgerPage, error) {
	within, cancel := context.WithTimeoutCause(ctx, min(maxStreamWait, s.timeout), s.errorf("%w: version %d has not come", endpoint.ErrTimeout, from))
	defer cancel()
	for {
		f, fresh := s.sessionFor(from)
		p, err := f.page(within, number, from, wait)
		if err == nil || fresh || within.Err() != nil {
			return p, err
		}
		// Servers end calls at any time: continue in another session, a new one at last.
	}
}

// sessionFor returns the session that has a version or comes to it soon, or a new one.
func (s *stream) sessionFor(version int64) (f *session, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.sessions = slices.DeleteFunc(s.sessions, func(f *session) bool { return f.expired(now) })
	at := slices.IndexFunc(s.sessions, func(f *session) bool { return f.reaches(version) })
	if at >= 0 {
		f = s.sessions[at]
		s.sessions = append(slices.Delete(s.sessions, at, at+1), f)
		return f, false
	}
	for i := 0; i < len(s.sessions) && len(s.sessions) >= maxSessions; i++ {
		if s.sessions[i].closeIfIdle() {
			s.sessions = slices.Delete(s.sessions, i, i+1)
			i--
		}
	}
	ctx, end := context.WithCancel(s.ctx)
	f = &session{stream: s, cancel: end, changed: make(chan struct{}), pages: map[int64]*ledgerPage{}, next: version, want: version, used: now}
	s.sessions = append(s.sessions, f)
	go f.run(ctx)
	return f, true
}

// expired says whether the session has ended, and ends it if it is idle.
func (f *session) expired(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil && f.waiting == 0 && now.Sub(f.used) > sessionIdle {
		f.cancel()
		return true
	}
	return f.err != nil
}

// closeIfIdle ends the session unless somebody waits for it.
func (f *session) closeIfIdle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting == 0 {
		f.cancel()
	}
	return f.waiting == 0
}

// reaches says whether the session has a version or comes to it soon.
func (f *session) reaches(version int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if version >= f.next {
		return version-f.next < sessionAhead
	}
	p := f.pages[version/pageSize]
	return p != nil && p.holds(version, version)
}

// page returns the page of a number once the session has its version from.
func (f *session) page(ctx context.Context, number, from int64, wait bool) (*ledgerPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting++
	defer func() { f.waiting-- }()
	for {
		f.used = time.Now()
		if from > f.want {
			f.want = from
			f.notify()
		}
		if p := f.pages[number]; p != nil && p.holds(from, from) {
			return p, nil
		}
		if f.err != nil || !wait {
			return nil, f.err
		}
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-changed:
		}
		f.mu.Lock()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// notify wakes everything that waits for a change.
func (f *session) notify() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// run reads until the context or the stream ends.
func (f *session) run(ctx context.Context) {
	defer f.cancel()
	err := f.read(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	f.notify()
}

func (f *session) read(ctx context.Context) error {
	c, err := f.call(ctx, f.next, 0)
	if err != nil {
		return err
	}
	var t rawdata.Transaction
	scan := pageScanner{wanted: f.wanted, accounts: f.accounts, next: f.next}
	first := f.next // of the page
	for {
		messages, err := c.next()
		if err != nil {
			return err
		}
		f.noteHeight(scan.next + int64(len(messages)) - 1)
		for _, m := range messages {
			if err := t.Read(m); err != nil {
				return f.errorf("version %d: %w", scan.next, err)
			}
			if err := scan.scanStreamed(&t); err != nil {
				return f.errorf("%w", err)
			}
			if scan.next%pageSize == 0 {
				if err := f.add(ctx, scan.part(first)); err != nil {
					return err
				}
				first, scan.raws, scan.handleEvents = scan.next, nil, nil
			}
		}
		if scan.next > first {
			if err := f.add(ctx, scan.part(first)); err != nil {
				return err
			}
		}
	}
}

// part is what was scanned of a page of the stream.
func (s *pageScanner) part(first int64) *ledgerPage {
	return &ledgerPage{first: first, last: s.next - 1, raws: s.raws, handleEvents: s.handleEvents, fromStream: true}
}

// add adds a page, or a part of one, and waits until more is wanted.
func (f *session) add(ctx context.Context, p *ledgerPage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages[p.first/pageSize] = p
	f.next = p.last + 1
	f.notify()
	for f.next > f.want+sessionAhead {
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-changed:
		}
		f.mu.Lock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	for number := range f.pages {
		if number < f.want/pageSize-pagesRead {
			delete(f.pages, number)
		}
	}
	return nil
}
