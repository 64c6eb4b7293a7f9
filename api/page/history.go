package page

import (
	"slices"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/progress"
)

// The limits of the history: one hour of points, and the number of chains.
const (
	pointEvery  = 5 * time.Second
	historyKept = time.Hour
	maxPoints   = int(historyKept / pointEvery)
	maxChains   = 256
)

// point is the state of a chain at one time. Unknown values are nil.
type point struct {
	at                     int64 // Unix seconds
	lag                    float64
	events, requests       *float64 // per second
	endpoints, endpointsUp float64
}

// history keeps the last hour of each chain in memory. It begins when the process starts.
type history struct {
	since  time.Time
	chains map[string]*past
}

// past is the history of a chain.
type past struct {
	points []point // a ring buffer: once it is full, next is the oldest point
	next   int

	at       time.Time        // of the last point
	requests map[string]int64 // by host, at that time
	marks    []mark           // of the last points, for measuring rates
}

// mark is the total number of events and requests at one time.
type mark struct {
	at               time.Time
	events, requests int64
}

// historyRateWindow is the minimum time over which the rates of the history are measured.
// The counters of endpoints are written every five seconds.
const historyRateWindow = 15 * time.Second

func newHistory(since time.Time) *history {
	return &history{since: since, chains: map[string]*past{}}
}

// add adds a point to each chain whose next point is due, and removes chains that no longer
// exist.
func (h *history) add(s snapshot) {
	present := map[string]bool{}
	for _, c := range s.tree {
		present[c.Name] = true
		p := h.chains[c.Name]
		if p == nil {
			if len(h.chains) >= maxChains {
				continue
			}
			p = &past{}
			h.chains[c.Name] = p
		}
		if p.at.IsZero() || s.at.Sub(p.at) >= pointEvery-watchedEvery/4 {
			p.add(s.at, c)
		}
	}
	for name := range h.chains {
		if !present[name] {
			delete(h.chains, name)
		}
	}
}

func (p *past) add(at time.Time, c *progress.Chain) {
	next := point{at: at.Unix(), lag: float64(c.Lag())}
	events, requests := c.Events(), map[string]int64{}
	if c.Head != nil {
		for _, e := range c.Head.Endpoints {
			requests[e.Host] += e.Requests
			next.endpoints++
			if e.State == persistence.EndpointUp {
				next.endpointsUp++
			}
		}
	}
	now := mark{at, events, 0}
	if last := len(p.marks) - 1; last >= 0 {
		now.requests = p.marks[last].requests + requestsSince(p.requests, requests)
		from := p.marks[0]
		next.events = perSecond(from.at, at, events-from.events)
		next.requests = perSecond(from.at, at, now.requests-from.requests)
	}
	p.marks = append(p.marks, now)
	for len(p.marks) > 1 && at.Sub(p.marks[1].at) >= historyRateWindow {
		p.marks = p.marks[1:]
	}
	p.at, p.requests = at, requests
	if len(p.points) < maxPoints {
		p.points = append(p.points, next)
		return
	}
	p.points[p.next] = next
	p.next = (p.next + 1) % maxPoints
}

// perSecond returns a rate. It is never negative, although a reorganisation undoes events.
func perSecond(from, to time.Time, n int64) *float64 {
	rate := max(0, float64(n)/to.Sub(from).Seconds())
	return &rate
}

// requestsSince counts the requests between two points, given the counters by host.
// Counters restart with each owner of the chain.
func requestsSince(before, now map[string]int64) (n int64) {
	for host, count := range now {
		if previous, known := before[host]; known && previous <= count {
			count -= previous
		}
		n += count
	}
	return n
}

// inOrder returns the points, the oldest first.
func (p *past) inOrder() []point { return slices.Concat(p.points[p.next:], p.points[:p.next]) }

// series is a chain's points for the plots: a list for each quantity.
type series struct {
	At       []int64    `json:"at"`
	Lag      []float64  `json:"lag"`
	Events   []*float64 `json:"events"`
	Up       []float64  `json:"up"`
	Failing  []float64  `json:"failing"`
	Requests []*float64 `json:"requests"`
}

// of returns the points of a chain after a time, in Unix seconds; false if the chain is
// unknown.
func (h *history) of(chain string, after int64) (series, bool) {
	s := series{At: []int64{}, Lag: []float64{}, Events: []*float64{}, Up: []float64{}, Failing: []float64{}, Requests: []*float64{}}
	p := h.chains[chain]
	if p == nil {
		return s, false
	}
	after = max(after, p.at.Add(-historyKept).Unix()) // without viewers there are fewer points
	for _, q := range p.inOrder() {
		if q.at > after {
			s.At, s.Lag, s.Events = append(s.At, q.at), append(s.Lag, q.lag), append(s.Events, q.events)
			s.Up, s.Failing = append(s.Up, q.endpointsUp), append(s.Failing, q.endpoints-q.endpointsUp)
			s.Requests = append(s.Requests, q.requests)
		}
	}
	return s, true
}
