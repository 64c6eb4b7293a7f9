package backfill

import "sync"

// windowSizer says how many blocks a window is to span, so that it holds about as many events
// as are wanted. What endpoints refuse is theirs to know (endpoint.Limits).
type windowSizer struct {
	most int64 // blocks

	mu       sync.Mutex
	blocks   int64
	perBlock float64 // events lately: a moving average, begun with the first range
	started  bool
}

const (
	firstWindow  = 1000 // blocks
	windowEvents = 4000
)

func newWindowSizer(most int64) *windowSizer {
	return &windowSizer{most: most, blocks: min(firstWindow, most)}
}

// blocksPerWindow is how many blocks to ask for.
func (s *windowSizer) blocksPerWindow() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blocks
}

// suspiciouslyFew says whether a range holds far fewer events than those before it did.
func (s *windowSizer) suspiciouslyFew(blocks int64, events int) bool {
	const least, part = 8, 4
	s.mu.Lock()
	defer s.mu.Unlock()
	expected := s.perBlock * float64(blocks)
	return expected >= least && float64(events) < expected/part
}

// observe learns from a range that held a number of events.
func (s *windowSizer) observe(blocks int64, events int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const part = 4 // of the average, what the newest range makes
	density := float64(events) / float64(blocks)
	if !s.started {
		s.started, s.perBlock = true, density
	}
	s.perBlock += (density - s.perBlock) / part
	switch {
	case events > windowEvents:
		s.blocks = max(1, blocks*windowEvents/int64(events))
	case events <= windowEvents/2 && blocks >= s.blocks:
		s.blocks = min(2*blocks, s.most)
	}
}
