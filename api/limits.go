package api

import (
	"math"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common/lru"
	"golang.org/x/time/rate"
)

// The limits of all clients together, and of a single client.
const (
	maxBody           = 64 << 10 // bytes of a request's body
	maxConnections    = 1024     // more than streams and requests together
	maxClients        = 10_000   // whose rates are remembered, the most recent ones
	maxRequests       = 64       // in progress, without streams
	maxRequestsOfOne  = 32
	maxStreams        = 512
	maxStreamsOfOne   = 128
	handlerTimeout    = 25 * time.Second // of requests other than streams; below the WriteTimeout
	retryWhenCrowded  = time.Second
	bitsOfIPv6Network = 64
)

// client identifies the sender of a request by its address. An IPv6 client usually controls
// an entire /64, so the network stands for the client.
func client(r *http.Request) netip.Prefix {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{} // all such requests share the limits of one client
	}
	ip, bits := from.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = bitsOfIPv6Network
	}
	prefix, _ := ip.Prefix(bits) // fails only for more bits than the address has
	return prefix
}

// clients limits the rate of each client.
type clients struct {
	limit rate.Limit
	burst int

	mu  sync.Mutex
	lru lru.BasicLRU[netip.Prefix, *rate.Limiter]
}

func newClients(perSecond float64, burst int) *clients {
	return &clients{limit: rate.Limit(perSecond), burst: burst, lru: lru.NewBasicLRU[netip.Prefix, *rate.Limiter](maxClients)}
}

// of returns the limiter of a request's client.
func (c *clients) of(r *http.Request) *rate.Limiter {
	from := client(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	limiter, known := c.lru.Get(from)
	if !known {
		limiter = rate.NewLimiter(c.limit, c.burst)
		c.lru.Add(from, limiter)
	}
	return limiter
}

// limitRate refuses the requests of a client beyond a rate; 0 means no limit.
func limitRate(perSecond float64, next http.Handler) http.Handler {
	if perSecond <= 0 {
		return next
	}
	all := newClients(perSecond, int(math.Ceil(perSecond)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reserved := all.of(r).Reserve()
		if wait := reserved.Delay(); wait > 0 {
			reserved.Cancel()
			later(w, http.StatusTooManyRequests, wait, "too many requests from your address: send fewer, or raise api.rate")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// room bounds the requests in progress.
type room struct {
	most, mostOfOne int

	mu     sync.Mutex
	inside int
	of     map[netip.Prefix]int // by client; without those that have none inside
}

func newRoom(most, mostOfOne int) *room {
	return &room{most: most, mostOfOne: mostOfOne, of: map[netip.Prefix]int{}}
}

// enter admits a request, or answers it and returns false. An admitted one must leave.
func (m *room) enter(w http.ResponseWriter, r *http.Request) bool {
	from := client(r)
	m.mu.Lock()
	full, own := m.inside >= m.most, m.of[from] >= m.mostOfOne
	if !full && !own {
		m.inside++
		m.of[from]++
	}
	m.mu.Unlock()
	switch {
	case full:
		later(w, http.StatusServiceUnavailable, retryWhenCrowded, "too many requests are in progress: try again")
	case own:
		later(w, http.StatusTooManyRequests, retryWhenCrowded, "too many requests from your address are in progress: wait for their responses")
	}
	return !full && !own
}

func (m *room) leave(r *http.Request) {
	from := client(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inside--
	if m.of[from]--; m.of[from] == 0 {
		delete(m.of, from)
	}
}
