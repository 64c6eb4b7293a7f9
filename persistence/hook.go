package persistence

import (
	"context"
	"time"
)

// Hook is the document of a webhook: how far its deliveries are, and which process makes them.
// A process that has claimed the document writes it under the epoch of the claim. A later claim
// fences it: from then on none of its writes changes anything.
type Hook struct {
	Name string `json:"_id" bson:"_id"`
	// Position is that of the feed up to which every event was delivered, or is a dead hook.
	Position string `json:"position" bson:"position"`
	// Plan is the delivery that comes next, once it may have been sent. It is sent with the
	// same events until it is delivered or dead, whichever process sends it.
	Plan *HookPlan `json:"plan,omitempty" bson:"plan,omitempty"`

	Node        string    `json:"node" bson:"node"`   // empty once the hook was released
	Epoch       int64     `json:"epoch" bson:"epoch"` // rises with every claim, from 1
	LeasedUntil time.Time `json:"leasedUntil" bson:"leasedUntil"`

	Deliveries int64 `json:"deliveries" bson:"deliveries"`
	Events     int64 `json:"events" bson:"events"` // delivered
	Dead       int64 `json:"dead" bson:"dead"`     // deliveries given up
	// Attempts is how often the next delivery has failed, since FailingSince.
	Attempts     int64      `json:"attempts,omitempty" bson:"attempts,omitempty"`
	FailingSince *time.Time `json:"failingSince,omitempty" bson:"failingSince,omitempty"`
	LastError    string     `json:"lastError,omitempty" bson:"lastError,omitempty"` // one line; kept after a success
	DeliveredAt  *time.Time `json:"deliveredAt,omitempty" bson:"deliveredAt,omitempty"`
	UpdatedAt    time.Time  `json:"updatedAt" bson:"updatedAt"` // all times by the store's clock
}

// HookPlan bounds a delivery: the events after the hook's position and up to another one.
type HookPlan struct {
	Through string `json:"through" bson:"through"`
	// Choice is a digest of which events the hook wants: with another one the plan is void.
	Choice string `json:"choice" bson:"choice"`
	// Gone says that the events are no longer kept, of which the delivery tells the receiver.
	Gone bool `json:"gone,omitempty" bson:"gone,omitempty"`
}

// DeadHook is a delivery of a webhook that was given up.
type DeadHook struct {
	ID       string `json:"_id" bson:"_id"` // the delivery's
	Hook     string `json:"hook" bson:"hook"`
	Position string `json:"position" bson:"position"` // after its last event
	Events   int64  `json:"events" bson:"events"`
	Body     string `json:"body" bson:"body"` // JSON, as it was sent; empty if too large to be kept
	Reason   string `json:"reason" bson:"reason"`
	Attempts int64  `json:"attempts" bson:"attempts"`
	// FailingSince is the time of the first failure, DeadAt that of the last one.
	FailingSince time.Time `json:"failingSince" bson:"failingSince"`
	DeadAt       time.Time `json:"deadAt" bson:"deadAt"`
}

// HookClaim asks for a hook's document.
type HookClaim struct {
	Name, Node string
	Start      string        // the position of a new document
	Lease      time.Duration // from now, by the store's clock
}

// HookRef is one claim of a hook.
type HookRef struct {
	Name  string
	Epoch int64
}

// Ref is the claim that the document is of.
func (h Hook) Ref() HookRef { return HookRef{h.Name, h.Epoch} }

// HookMove takes a hook from one position to another.
type HookMove struct {
	Hook     HookRef
	From, To string
	Events   int64     // delivered; 0 if none were wanted, which is no delivery
	Dead     *DeadHook // the delivery if it is given up; its times and attempts are the hook's
}

// HookStore keeps the documents of webhooks. All writes under a claim have the error ErrFenced
// if there was a later one; nothing was written then.
type HookStore interface {
	// ClaimHook makes a process the one that delivers a hook, if no other one does: the
	// document is new, released, or its lease has ended. False if another process delivers it.
	ClaimHook(ctx context.Context, claim HookClaim) (Hook, bool, error)
	// RenewHook lets the claim's lease last for a time from now on.
	RenewHook(ctx context.Context, hook HookRef, lease time.Duration) error
	// ReleaseHook ends the claim.
	ReleaseHook(ctx context.Context, hook HookRef) error

	// PlanHook writes the plan of the next delivery, if the hook is at a position.
	PlanHook(ctx context.Context, hook HookRef, from string, plan HookPlan) error
	// FailHook counts a failed attempt of the next delivery, and returns the document.
	FailHook(ctx context.Context, hook HookRef, reason string) (Hook, error)
	// MoveHook makes a move, if the hook is at its start, and inserts its dead hook, in one
	// transaction. The plan, and the failures of the delivery, are over then.
	MoveHook(ctx context.Context, move HookMove) error

	DeadHookStore
}

// DeadHookStore is what becomes of dead hooks. It may be used beside a process that delivers.
type DeadHookStore interface {
	// FailDeadHook records that a dead hook was sent again in vain; false if it does not exist.
	FailDeadHook(ctx context.Context, id, reason string) (bool, error)
	// RemoveDeadHook removes a dead hook that was delivered; false if it does not exist.
	RemoveDeadHook(ctx context.Context, id string) (bool, error)
}

// After is the dead hook after the failures that its hook has counted.
func (d DeadHook) After(h Hook) DeadHook {
	d.Hook, d.Attempts, d.DeadAt = h.Name, h.Attempts, h.UpdatedAt
	if d.FailingSince = h.UpdatedAt; h.FailingSince != nil {
		d.FailingSince = *h.FailingSince
	}
	return d
}
