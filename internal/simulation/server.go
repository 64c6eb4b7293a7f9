package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

// server is what the workers share: the store, and the registry of nodes beside it. Only one
// step runs at a time, so that a call has it to itself.
type server struct {
	calls sync.Mutex // for tests in which steps do not wait for their turn
	dir   string
	store *embedded.Store
	*registry
	claims map[string]persistence.ActorRef // the last one of each actor, since its chain was acquired
	away   bool                            // no call is answered
	life   atomic.Int64                    // one more with every restart: connections do not outlive it
	ahead  time.Duration                   // of its clock
	saved  *registry                       // with what is in the folder "saved"
}

func openServer(dir string) (*server, error) {
	s := &server{dir: dir, registry: newRegistry(), claims: map[string]persistence.ActorRef{}}
	return s, s.open()
}

func (s *server) open() (err error) {
	s.store, err = embedded.Open(context.Background(), filepath.Join(s.dir, "data"))
	return err
}

// save keeps what the server has now.
func (s *server) save() error {
	if err := s.store.Close(); err != nil {
		return err
	}
	to := filepath.Join(s.dir, "saved")
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.CopyFS(to, os.DirFS(filepath.Join(s.dir, "data"))); err != nil {
		return err
	}
	s.saved = s.registry.clone()
	return s.open()
}

// restore forgets what the server was told since save: its disk has lied.
func (s *server) restore() error {
	if err := s.store.Close(); err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	if err := os.CopyFS(data, os.DirFS(filepath.Join(s.dir, "saved"))); err != nil {
		return err
	}
	s.changed() // which ends the watches
	s.registry = s.saved.clone()
	clear(s.claims)
	s.life.Add(1)
	return s.open()
}

// now is the time by the server's clock.
func (s *server) now() time.Time { return time.Now().Add(s.ahead) }

// acquire makes a node the owner of a chain, in the registry and in the store.
func (s *server) acquire(ctx context.Context, seen persistence.Lease, node string) (persistence.Lease, error) {
	if !s.leased(seen) {
		return persistence.Lease{}, persistence.ErrLeaseChanged
	}
	epoch, err := s.store.TakeOver(ctx, seen.Chain, node)
	if err != nil {
		return persistence.Lease{}, err
	}
	lease := persistence.Lease{Chain: seen.Chain, Node: node, Epoch: epoch, TakenAt: s.now()}
	s.grant(lease)
	maps.DeleteFunc(s.claims, func(actor string, _ persistence.ActorRef) bool { return strings.HasPrefix(actor, seen.Chain+"/") })
	return lease, nil
}

// claim claims an actor.
func (s *server) claim(ctx context.Context, claim persistence.Claim) (persistence.Actor, error) {
	a, err := s.store.Claim(ctx, claim)
	if err == nil {
		s.claims[a.ID] = a.Ref()
	}
	return a, err
}

// commit commits for actors. No commit of an earlier owner or incarnation may succeed, even one
// that would do no harm.
func (s *server) commit(ctx context.Context, market persistence.MarketRef, moves []persistence.Move, do func(persistence.Tx) error) (violation, err error) {
	if err := s.store.Commit(ctx, market, moves, do); err != nil {
		return nil, err
	}
	for _, m := range moves {
		if claimed := s.claims[m.Actor.ID]; claimed != m.Actor {
			return fmt.Errorf("the store accepted a commit of %+v: the last claim is %+v", m.Actor, claimed), nil
		}
	}
	return nil, nil
}

var errAway = errors.New("the server does not answer")
