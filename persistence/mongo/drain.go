package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
)

// StartDrain implements persistence.Registry.
func (s *Store) StartDrain(ctx context.Context, node, id string) (started bool, err error) {
	t := transaction{
		store: s,
		body: func(ctx context.Context) (err error) {
			started, err = s.startDrain(ctx, node, id)
			return err
		},
		landed: func(ctx context.Context) (_ bool, err error) {
			started, err = s.drainStarted(ctx, id)
			return started, err
		},
	}
	err = s.work(func() error { return t.run(ctx) })
	return started && err == nil, err
}

// startDrain is the body of StartDrain's transaction.
func (s *Store) startDrain(ctx context.Context, node, id string) (bool, error) {
	asked := append(pending(id), is("node", node), in("kind", []string{persistence.DrainRequest, persistence.UndrainRequest}))
	var r persistence.Request
	err := s.collection(persistence.Requests).FindOne(ctx, asked).Decode(&r)
	if errors.Is(err, driver.ErrNoDocuments) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	state := persistence.Draining
	if r.Kind == persistence.UndrainRequest {
		state = persistence.Up
	}
	member := append(byID(node), in("state", []string{persistence.Up, persistence.Draining}))
	// The heartbeat makes concurrent starts conflict: an update that changes nothing would not.
	update := bson.D{is("$set", bson.D{is("state", state)}), is("$inc", bson.D{is("beat", int64(1))})}
	result, err := s.collection(persistence.Nodes).UpdateOne(ctx, member, update)
	if err != nil || result.MatchedCount == 0 {
		return false, err
	}
	if r.Kind == persistence.UndrainRequest {
		return true, s.undrain(ctx, node, id)
	}
	chains, err := s.chainsOf(ctx, node)
	if err != nil {
		return false, err
	}
	_, err = s.collection(persistence.Requests).UpdateOne(ctx, asked, driver.Pipeline{{is("$set", bson.D{
		is("state", persistence.RequestRunning), is("startedAt", "$$NOW"), is("starts", int64(1)),
		is("answer", bson.D{is("$literal", persistence.Answer{Chains: chains})}),
	})}})
	return true, err
}

// undrain ends a request to undrain a node, and the drains of the node that still run.
func (s *Store) undrain(ctx context.Context, node, id string) error {
	requests := s.collection(persistence.Requests)
	running := bson.D{is("state", persistence.RequestRunning), is("kind", persistence.DrainRequest), is("node", node)}
	cancelled := ending(persistence.RequestFailed, bson.D{is("reason", bson.D{is("$literal", fmt.Sprintf("cancelled by request %s", id))})})
	if _, err := requests.UpdateMany(ctx, running, cancelled); err != nil {
		return err
	}
	_, err := requests.UpdateOne(ctx, pending(id), ending(persistence.RequestDone, bson.D{is("startedAt", "$$NOW"), is("starts", int64(1))}))
	return err
}

// chainsOf are the chains that a node owns, sorted.
func (s *Store) chainsOf(ctx context.Context, node string) (chains []string, err error) {
	cursor, err := s.collection(persistence.Leases).Find(ctx, bson.D{is("node", node)}, options.Find().SetSort(byKey))
	if err != nil {
		return nil, err
	}
	var leases []persistence.Lease
	if err := cursor.All(ctx, &leases); err != nil {
		return nil, err
	}
	for _, l := range leases {
		chains = append(chains, l.Chain)
	}
	return chains, nil
}

// drainStarted reports whether the request to a node was started: no other node starts it.
func (s *Store) drainStarted(ctx context.Context, id string) (bool, error) {
	var r persistence.Request
	err := s.linearizable(persistence.Requests).FindOne(ctx, byID(id)).Decode(&r)
	if errors.Is(err, driver.ErrNoDocuments) {
		return false, nil
	}
	return err == nil && r.StartedAt != nil, err
}

// ReportDrain implements persistence.Registry.
func (s *Store) ReportDrain(ctx context.Context, drain persistence.Request) error {
	running := append(byID(drain.ID), is("kind", persistence.DrainRequest), is("state", persistence.RequestRunning))
	var fields bson.D
	if drain.Progress != nil {
		fields = append(fields, is("progress", bson.D{is("$literal", *drain.Progress)}))
	}
	if drain.Reason != "" {
		fields = append(fields, is("reason", bson.D{is("$literal", drain.Reason)}))
	}
	update := driver.Pipeline{{is("$set", fields)}}
	if drain.Ended() {
		update = ending(drain.State, fields)
	}
	return s.work(func() error {
		_, err := s.updateRequest(ctx, running, update)
		return err
	})
}
