package persistence

import (
	"context"
	"time"
)

// Hook is the document of a webhook: the progress of its deliveries, and the process that
// makes them. A process claims the document and writes it under the claim's epoch. A later
// claim fences it: its writes have no effect from then on.
type Hook struct {
	Name string `json:"_id" bson:"_id"`
	// Position is the position of the feed up to which every event was delivered, or is in
	// a dead hook.
	Position string `json:"position" bson:"position"`
	// Plan is the next delivery, if it may have been sent already. Every process sends it
	// with the same events until it is delivered or given up.
	Plan *HookPlan `json:"plan,omitempty" bson:"plan,omitempty"`

	Node        string    `json:"node" bson:"node"`   // empty after a release
	Epoch       int64     `json:"epoch" bson:"epoch"` // incremented by every claim, from 1
	LeasedUntil time.Time `json:"leasedUntil" bson:"leasedUntil"`

	Deliveries int64 `json:"deliveries" bson:"deliveries"`
	Events     int64 `json:"events" bson:"events"` // delivered
	Dead       int64 `json:"dead" bson:"dead"`     // deliveries given up
	// Attempts is the number of failed attempts of the next delivery since FailingSince.
	Attempts     int64      `json:"attempts,omitempty" bson:"attempts,omitempty"`
	FailingSince *time.Time `json:"failingSince,omitempty" bson:"failingSince,omitempty"`
	LastError    string     `json:"lastError,omitempty" bson:"lastError,omitempty"` // one line; kept after a success
	DeliveredAt  *time.Time `json:"deliveredAt,omitempty" bson:"deliveredAt,omitempty"`
	UpdatedAt    time.Time  `json:"updatedAt" bson:"updatedAt"` // all times by the store's clock
}

// HookPlan bounds a delivery: the events after the hook's position and up to Through.
type HookPlan struct {
	Through string `json:"through" bson:"through"`
	// Choice is a digest of the hook's configured choice of events. A plan with another
	// choice is void.
	Choice string `json:"choice" bson:"choice"`
	// Gone means that the events are no longer kept: the delivery notifies the receiver of
	// that.
	Gone bool `json:"gone,omitempty" bson:"gone,omitempty"`
}

// DeadHook is a delivery of a webhook that was given up.
type DeadHook struct {
	ID       string `json:"_id" bson:"_id"` // of the delivery
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

// HookClaim is a request to claim a hook's document.
type HookClaim struct {
	Name, Node string
	Start      string        // the position of a new document
	Lease      time.Duration // from now, by the store's clock
}

// HookRef identifies a claim of a hook.
type HookRef struct {
	Name  string
	Epoch int64
}

// Ref returns the claim under which the document was written.
func (h Hook) Ref() HookRef { return HookRef{h.Name, h.Epoch} }

// HookMove moves a hook from one position to another.
type HookMove struct {
	Hook     HookRef
	From, To string
	Events   int64     // delivered; 0 if the hook wanted none, so that nothing was delivered
	Dead     *DeadHook // the delivery, if it is given up; MoveHook sets its times and attempts
}

// HookStore stores the documents of webhooks. Writes under a claim return ErrFenced, and
// write nothing, after a later claim.
type HookStore interface {
	// ClaimHook claims a hook for a process, unless another process delivers it: the
	// document must be new, released, the process's own, or have an expired lease.
	// Otherwise it returns false.
	ClaimHook(ctx context.Context, claim HookClaim) (Hook, bool, error)
	// RenewHook extends the claim's lease to a duration from now.
	RenewHook(ctx context.Context, hook HookRef, lease time.Duration) error
	// ReleaseHook ends the claim.
	ReleaseHook(ctx context.Context, hook HookRef) error

	// PlanHook writes the plan of the next delivery. It returns ErrFenced unless the hook
	// is at the position from.
	PlanHook(ctx context.Context, hook HookRef, from string, plan HookPlan) error
	// FailHook counts a failed attempt of the next delivery, and returns the document.
	FailHook(ctx context.Context, hook HookRef, reason string) (Hook, error)
	// MoveHook moves the hook and inserts the dead hook, in one transaction. It removes the
	// plan and resets the failures. It returns ErrFenced unless the hook is at From.
	MoveHook(ctx context.Context, move HookMove) error

	DeadHookStore
}

// DeadHookStore changes dead hooks. It may be used while another process delivers hooks.
type DeadHookStore interface {
	// FailDeadHook records a failed attempt to deliver a dead hook; false if it does not
	// exist.
	FailDeadHook(ctx context.Context, id, reason string) (bool, error)
	// RemoveDeadHook removes a delivered dead hook; false if it does not exist.
	RemoveDeadHook(ctx context.Context, id string) (bool, error)
}

// After returns the dead hook with the times and the attempts of its hook.
func (d DeadHook) After(h Hook) DeadHook {
	d.Hook, d.Attempts, d.DeadAt = h.Name, h.Attempts, h.UpdatedAt
	if d.FailingSince = h.UpdatedAt; h.FailingSince != nil {
		d.FailingSince = *h.FailingSince
	}
	return d
}
