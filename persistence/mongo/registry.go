package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

var _ persistence.Registry = (*Store)(nil)

// Join implements persistence.Registry.
func (s *Store) Join(ctx context.Context, node persistence.Node) error {
	node.State, node.Heartbeats, node.EndedAt = persistence.Up, 1, nil
	if node.Chains == nil {
		node.Chains = []persistence.NodeChain{}
	}
	joined := bson.D{is("$mergeObjects", bson.A{
		bson.D{is("$literal", node)}, bson.D{is("joinedAt", "$$NOW"), is("seenAt", "$$NOW")},
	})}
	return s.work(func() error {
		_, err := s.collection(persistence.Nodes).UpdateOne(ctx, append(byID(node.ID), is("beat", nil)),
			driver.Pipeline{{is("$replaceWith", joined)}}, options.UpdateOne().SetUpsert(true))
		if driver.IsDuplicateKeyError(err) {
			return ownError{fmt.Errorf("node %s has joined before", node.ID)}
		}
		return err
	})
}

// Heartbeat implements persistence.Registry.
func (s *Store) Heartbeat(ctx context.Context, id string, heartbeat persistence.Heartbeat) (node persistence.Node, err error) {
	var c change
	c.add("beat", 1)
	c.set("clock", heartbeat.Clock)
	if heartbeat.Leaving {
		c.set("state", persistence.Leaving)
	}
	err = s.work(func() error {
		err := s.collection(persistence.Nodes).FindOneAndUpdate(ctx, living(id), c.update("seenAt"),
			options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&node)
		if errors.Is(err, driver.ErrNoDocuments) {
			return ownError{fmt.Errorf("%s: %w", id, persistence.ErrDeclaredDead)}
		}
		return err
	})
	return node, err
}

// living matches a node that is still a member.
func living(id string) bson.D {
	return append(byID(id), is("state", bson.D{is("$in", bson.A{persistence.Up, persistence.Draining, persistence.Leaving})}))
}

// DeclareDead implements persistence.Registry.
func (s *Store) DeclareDead(ctx context.Context, id string, heartbeats int64) (bool, error) {
	return s.updateNode(ctx, append(living(id), is("beat", heartbeats)), ended(persistence.Dead))
}

// Leave implements persistence.Registry.
func (s *Store) Leave(ctx context.Context, id string) error {
	_, err := s.updateNode(ctx, living(id), ended(persistence.Left))
	return err
}

func ended(state string) bson.D {
	return bson.D{is("$set", bson.D{is("state", state)}), stamp("endedAt")}
}

// updateNode updates the node that the filter matches, if there is one.
func (s *Store) updateNode(ctx context.Context, node, update bson.D) (found bool, err error) {
	err = s.work(func() error {
		result, err := s.collection(persistence.Nodes).UpdateOne(ctx, node, update)
		found = err == nil && result.MatchedCount == 1
		return err
	})
	return found, err
}

// Members implements persistence.Registry. A former primary that does not know of its
// step-down yet may return outdated documents: every change based on them is
// conditional, and that server cannot acknowledge any.
func (s *Store) Members(ctx context.Context) (nodes []persistence.Node, leases []persistence.Lease, err error) {
	err = s.work(func() (err error) {
		if nodes, err = findAll[documents.Node](ctx, s.collection(persistence.Nodes)); err != nil {
			return err
		}
		leases, err = findAll[persistence.Lease](ctx, s.collection(persistence.Leases))
		return err
	})
	return nodes, leases, err
}

var byKey = bson.D{is("_id", 1)}

// findAll returns all documents of a collection, sorted by key.
func findAll[T any](ctx context.Context, c *driver.Collection) (docs []T, err error) {
	cursor, err := c.Find(ctx, bson.D{}, options.Find().SetSort(byKey))
	if err != nil {
		return nil, err
	}
	return docs, cursor.All(ctx, &docs)
}
