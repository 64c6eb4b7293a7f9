package backfill

import "sync"

// windowSizer chooses how many blocks a window spans, so that it holds about windowEvents
// events. What endpoints refuse is kept in endpoint.Limits.
type windowSizer struct {
	most int64 // blocks

	mu       sync.Mutex
	blocks   int64
	perBlock float64 // events: a moving average
	started  bool
}

const (
	firstWindow  = 1000 // blocks
	windowEvents = 4000
)

func newWindowSizer(most int64) *windowSizer {
	return &windowSizer{most: most, blocks: min(firstWindow, most)}
}

// blocksPerWindow is how many blocks the next window spans.
func (s *windowSizer) blocksPerWindow() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blocks
}

// suspiciouslyFew says whether a range holds far fewer events than those before it.
func (s *windowSizer) suspiciouslyFew(blocks int64, events int) bool {
	const least, part = 8, 4
	s.mu.Lock()
	defer s.mu.Unlock()
	expected := s.perBlock * float64(blocks)
	return expected >= least && float64(events) < expected/part
}

// observe learns from a range of blocks that held a number of events.
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
