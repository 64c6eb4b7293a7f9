package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/imart/event-worker/internal/chaos/linear"
	"github.com/imart/event-worker/internal/devnet"
	"github.com/imart/event-worker/internal/feedtest"
	"github.com/imart/event-worker/persistence"
)

// followerCount is the number of readers of the cluster's feed. All but the last one, which
// follows the listings of a chain, keep a copy.
const followerCount = 4

// maxConnection bounds how long a follower reads before it disconnects.
const maxConnection = 3 * time.Second

// follower keeps a copy of the documents from the feed of the cluster's nodes. It switches to
// another node when the connection or the node ends.
type follower struct {
	cluster *cluster
	r       *rand.Rand
	asks    string // the parameters of its feed
	means   func(linear.Change) string
	partial bool // it has no copy of all documents
	have    feedtest.Copy
	from    string // the position at which it has started
	at      string // the ID of its last event
	end     string // the position that it had to reach
	events  []linear.Event
	opened  int // how often it has opened a feed
	changes int // how many changes it has applied
	ended   chan error
}

// followers are all followers of a cluster.
type followers struct {
	all     []*follower
	through chan string // the position at which each of them ends
	cancel  context.CancelFunc
}

// follow starts followers with the current documents.
func (c *cluster) follow(ctx context.Context, seed uint64) (*followers, error) {
	ctx, cancel := context.WithCancel(ctx)
	fs := &followers{through: make(chan string, followerCount), cancel: cancel}
	for i := range uint64(followerCount) {
		f := &follower{cluster: c, r: rand.New(rand.NewPCG(seed, 100+i)), ended: make(chan error, 1)}
		f.asks, f.means = "collection="+strings.Join(devnet.Collections, "&collection="), linear.Everything(devnet.Collections)
		if f.partial = i == followerCount-1; f.partial {
			chain := c.world.chains[0].Name
			f.asks, f.means = linear.ListingsOf(chain), linear.Listings(chain)
		}
		var err error
		if f.at, err = c.database.reader.Newest(ctx); err == nil {
			f.from = f.at
			f.have, err = feedtest.Take(ctx, c.database.reader, devnet.Collections, persistence.Filter{})
		}
		if err != nil {
			cancel()
			return nil, err
		}
		go func() { f.ended <- f.run(ctx, fs.through) }()
		fs.all = append(fs.all, f)
	}
	return fs, nil
}

// finish waits until all followers have reached a position, and ends them.
func (fs *followers) finish(position string, within time.Duration) error {
	defer fs.cancel()
	for range fs.all {
		fs.through <- position
	}
	timeout := time.After(within)
	for i, f := range fs.all {
		select {
		case err := <-f.ended:
			if err != nil {
				return fmt.Errorf("reader %d of the feed: %w", i, err)
			}
		case <-timeout:
			return fmt.Errorf("reader %d of the feed has not reached %s within %v", i, position, within)
		}
	}
	return nil
}

// run follows until the follower has reached a position that it receives from the channel.
func (f *follower) run(ctx context.Context, through <-chan string) error {
	end := ""
	for {
		reading, cancel := context.WithTimeout(ctx, time.Duration(f.r.Int64N(int64(maxConnection))))
		err := f.read(reading)
		cancel()
		if err != nil || ctx.Err() != nil {
			return cmp.Or(err, ctx.Err())
		}
		if end == "" {
			select {
			case end = <-through:
			default:
			}
		}
		if end != "" && f.cluster.database.reader.Reached(f.at, end) {
			f.end = end
			return nil
		}
	}
}

// read reads the feed of a node until the context, the node or the connection ends.
func (f *follower) read(ctx context.Context) error {
	reader, err := f.open(ctx)
	if err != nil || reader == nil {
		return err
	}
	defer reader.Body.Close()
	for {
		e, err := reader.Next()
		if err != nil {
			return nil
		}
		if err := f.apply(e); err != nil {
			return err
		}
	}
}

// open opens the feed of any available node; nil if the context ends first.
func (f *follower) open(ctx context.Context) (*feedtest.Reader, error) {
	for pause(ctx, 50*time.Millisecond) {
		address := f.cluster.someAPI(f.r)
		if address == "" {
			continue
		}
		reader, err := feedtest.Open(ctx, address+"/feed?"+f.asks, f.at)
		if err != nil {
			continue // the node is down
		}
		switch reader.StatusCode {
		case http.StatusOK:
			f.opened++
			return reader, nil
		case http.StatusServiceUnavailable: // the node's database is unavailable
			_ = reader.Body.Close()
		default:
			_ = reader.Body.Close()
			return nil, fmt.Errorf("%s answers %s", address, reader.Status)
		}
	}
	return nil, nil
}

// apply applies an event to the copy. Changes must come in the order of the feed.
func (f *follower) apply(e feedtest.Event) error {
	if e.OfChange() {
		if e.ID == f.at || !f.cluster.database.reader.Reached(e.ID, f.at) {
			return fmt.Errorf("the event %s %s comes after %s", e.ID, e.Data, f.at)
		}
		f.changes++
		f.note(e)
	}
	if e.ID != "" {
		f.at = e.ID
	}
	f.have.Apply(e)
	return nil
}

// note records an event of a change.
func (f *follower) note(e feedtest.Event) {
	c := e.Change()
	f.events = append(f.events, linear.Event{
		Name:   e.Name,
		Change: linear.Change{Collection: c.Collection, ID: c.ID, Document: intern(c.Document)},
		At:     time.Since(f.cluster.diary.started),
	})
}

// received returns what the follower has received, for the checker.
func (f *follower) received(number int) (r linear.Reader, err error) {
	r = linear.Reader{Name: fmt.Sprint("reader ", number), Client: number, Meaning: f.means, Events: f.events}
	if r.From, err = positionTime(f.from); err == nil {
		r.Through, err = positionTime(f.end)
	}
	return r, err
}
