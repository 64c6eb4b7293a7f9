package calls

import (
	"sync"
	"time"
)

// Deployed is in which blocks of a chain Multicall3 is deployed.
type Deployed struct {
	mu       sync.Mutex
	answered bool
	lowest   int64 // the lowest block in which it has answered
	absent   int64 // the highest block in which it had no code
	absentAt time.Time
}

const (
	absentFor = 10 * time.Minute // how long it is not looked for above the highest block without it
	longAgo   = 1024             // blocks after which a deployment is not reorganised
)

// In says whether Multicall3 is deployed in a block, if that is known.
func (m *Deployed) In(height int64) (is, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.answered && height >= m.lowest:
		return true, true
	case !m.absentAt.IsZero() && (height <= m.absent || time.Since(m.absentAt) < absentFor):
		return false, true
	}
	return false, false
}

// longBefore says whether it has answered long before a block.
func (m *Deployed) longBefore(height int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answered && m.lowest <= height-longAgo
}

func (m *Deployed) notePresent(height int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.answered || height < m.lowest {
		m.answered, m.lowest = true, height
	}
}

func (m *Deployed) noteAbsent(height int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.absent, m.absentAt = max(m.absent, height), time.Now()
}
