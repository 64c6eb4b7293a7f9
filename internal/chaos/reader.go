package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/chaos/linear"
	"github.com/imart/event-worker/internal/devnet"
)

const (
	// readerCount is the number of clients that read orders.
	readerCount = 8
	// readerPause is the mean time between a reader's requests.
	readerPause = 100 * time.Millisecond
	// Most requests are abandoned soon, for another node; the others outlast a frozen node.
	shortPatience = 300 * time.Millisecond
	longPatience  = 10 * time.Second
)

// reader requests orders from the cluster's nodes, one after the other, and records the
// responses.
type reader struct {
	cluster *cluster
	number  int
	r       *rand.Rand
	client  *http.Client
	started time.Time
	pages   [][]*linear.Query // by chain
	seen    *seen
	reads   []linear.Read
	refused int // requests without a document or page: a node or its database was down
}

// seen is the orders on the last page of each chain that any reader has received.
type seen struct {
	mu     sync.Mutex
	orders map[string][]*linear.Query
}

func (s *seen) put(chain string, ids []string) {
	var orders []*linear.Query
	for _, id := range ids {
		orders = append(orders, linear.ByID(chain, id))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders[chain] = orders
}

func (s *seen) get(chain string) []*linear.Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders[chain]
}

// readers are all readers of a cluster.
type readers struct {
	all    []*reader
	cancel context.CancelFunc
	ended  chan error
}

// read starts readers.
func (c *cluster) read(ctx context.Context, seed uint64) *readers {
	ctx, cancel := context.WithCancel(ctx)
	rs := &readers{cancel: cancel, ended: make(chan error, readerCount)}
	all := &seen{orders: map[string][]*linear.Query{}}
	for i := range readerCount {
		r := &reader{
			cluster: c, number: i, r: rand.New(rand.NewPCG(seed, uint64(200+i))), started: c.diary.started,
			client: &http.Client{Transport: &http.Transport{}}, seen: all,
		}
		for _, chain := range c.world.chains {
			r.pages = append(r.pages, linear.Pages(chain.Name, devnet.Collection.Hex()))
		}
		go func() { rs.ended <- r.run(ctx) }()
		rs.all = append(rs.all, r)
	}
	return rs
}

// finish ends the readers and returns what they have read.
func (rs *readers) finish() (reads []linear.Read, err error) {
	rs.cancel()
	for range rs.all {
		err = errors.Join(err, <-rs.ended)
	}
	refused := 0
	for _, r := range rs.all {
		reads, refused = append(reads, r.reads...), refused+r.refused
	}
	if len(reads) == 0 {
		err = errors.Join(err, fmt.Errorf("no response of the API was received: %d requests have failed", refused))
	}
	return reads, err
}

// run reads until the context ends.
func (r *reader) run(ctx context.Context) error {
	defer r.client.CloseIdleConnections()
	for pause(ctx, time.Duration(r.r.Int64N(int64(2*readerPause)))) {
		query := r.choose()
		for range 2 { // a client behind a load balancer expects no older state the second time
			if err := r.request(ctx, query); err != nil {
				return fmt.Errorf("reader %d of the API: %w", r.number, err)
			}
		}
	}
	return nil
}

// ofOrders reports whether the reader requests only orders by _id, with little patience. A
// node that is cut off from its database answers these from memory, and holds up all
// others.
func (r *reader) ofOrders() bool { return r.number%2 == 1 }

// choose returns a page of a chain, or an order of the last page.
func (r *reader) choose() *linear.Query {
	pages := r.pages[r.r.IntN(len(r.pages))]
	orders := r.seen.get(pages[0].Chain)
	if len(orders) == 0 || !r.ofOrders() && r.r.IntN(3) > 0 {
		return pages[r.r.IntN(len(pages))]
	}
	return orders[r.r.IntN(len(orders))]
}

// request makes a request of any node and records its response. A request that fails is not
// recorded: it has read nothing. Only a response that no fault explains is an error.
func (r *reader) request(ctx context.Context, q *linear.Query) error {
	address := r.cluster.someAPI(r.r)
	if address == "" {
		return nil
	}
	patience := shortPatience
	if !r.ofOrders() && r.r.IntN(4) == 0 {
		patience = longPatience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+q.Path, nil)
	if err != nil {
		return err
	}
	read := linear.Read{Client: r.number, Query: q}
	read.Call = time.Since(r.started)
	response, err := r.client.Do(request)
	if err != nil {
		r.refused++
		return nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	read.Return = time.Since(r.started)
	if err != nil || response.StatusCode >= http.StatusInternalServerError {
		r.refused++
		return nil
	}
	ids, err := decode(&read, response, body)
	if err != nil {
		return fmt.Errorf("%s answers %s with %s: %w", request.URL, response.Status, body, err)
	}
	if ids != nil {
		r.seen.put(q.Chain, ids)
	}
	r.reads = append(r.reads, read)
	return nil
}

// decode adds the content of a response to a read, and returns the _ids on a page.
func decode(read *linear.Read, response *http.Response, body []byte) (ids []string, err error) {
	switch {
	case response.StatusCode == http.StatusNotFound && !read.Query.Page():
		return nil, nil
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("unexpected status %d", response.StatusCode)
	case !read.Query.Page():
		read.Answer = intern(withoutFinal(body))
		return nil, nil
	}
	if read.After, err = positionTime(response.Header.Get("Feed-Position")); err != nil {
		return nil, err
	}
	var page struct{ Data []json.RawMessage }
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, err
	}
	var texts []string
	for _, doc := range page.Data {
		var keyed struct {
			ID string `json:"_id"`
		}
		if err := json.Unmarshal(doc, &keyed); err != nil {
			return nil, err
		}
		ids, texts = append(ids, keyed.ID), append(texts, string(withoutFinal(doc)))
	}
	read.Answer = intern([]byte(strings.Join(texts, "\n")))
	return ids, nil
}

// withoutFinal removes the field final, which is not a part of the commits.
func withoutFinal(doc []byte) []byte {
	text := strings.TrimSpace(string(doc))
	for _, end := range []string{`,"final":true}`, `,"final":false}`} {
		if before, ok := strings.CutSuffix(text, end); ok {
			return []byte(before + "}")
		}
	}
	return []byte(text)
}

// positionTime returns the oplog's time in a position of the feed, a resume token of
// MongoDB: after its first byte, 82, come the seconds and the number within the second. All
// changes before that time are before the position.
func positionTime(position string) (uint64, error) {
	const first, after = 2, 18
	if len(position) < after {
		return 0, fmt.Errorf("%q is not a position of the feed", position)
	}
	return strconv.ParseUint(position[first:after], 16, 64)
}
