package markets

import (
	"cmp"
	"slices"
)

// Place is where an actor stands in its stream: everything up to and including
// Seq is durable. Two places are the same only if all of their fields are; a
// seq without its hash would let an actor go on from a block that was abandoned.
type Place struct {
	// Seq is the last executed sequence number: a block number on EVM chains, the
	// number within the handle on Aptos. -1 means that nothing has been executed.
	Seq int64 `json:"seq" bson:"seq"`
	// Hash is the hash of the block at Seq on EVM chains. It is empty on Aptos and
	// at a stream's start, which therefore lies on every branch.
	Hash string `json:"hash,omitempty" bson:"hash,omitempty"`
	// Through is, on Aptos, the ledger version up to which the handle is known to
	// hold nothing more.
	Through int64 `json:"through,omitempty" bson:"through,omitempty"`
}

// Height is how far along its chain the place reaches: a block number, or a
// ledger version.
func (p Place) Height() int64 {
	if p.Through != 0 {
		return p.Through
	}
	return p.Seq
}

// Reaches says whether an actor at p has executed everything up to q, both being on one
// branch.
func (p Place) Reaches(q Place) bool { return p.Seq >= q.Seq && p.Through >= q.Through }

// denseTrail is how many of the newest places a trail keeps without gaps.
const denseTrail = 16

// Trail is the places an actor has stood at, oldest first: close together near
// its end, ever further apart towards its start. However deep a reorganisation,
// some place of the trail lies on both branches and not much deeper than it must.
type Trail []Place

// Push returns the trail with p at its end, thinned. The trail itself is not
// changed.
func (t Trail) Push(p Place) Trail {
	out := make(Trail, 0, len(t)+1)
	dense := max(len(t)-denseTrail, 0)
	for i, old := range t {
		if i > 0 && i < dense {
			gap := t[i+1].Seq - out[len(out)-1].Seq
			if gap <= (p.Seq-t[i+1].Seq)/2 {
				continue
			}
		}
		out = append(out, old)
	}
	return append(out, p)
}

// With returns the trail with p among its places, where the trail passes its seq. What
// lies at p's seq already stays.
func (t Trail) With(p Place) Trail {
	i, found := slices.BinarySearchFunc(t, p.Seq, func(old Place, seq int64) int { return cmp.Compare(old.Seq, seq) })
	if found || i == 0 || i == len(t) {
		return t
	}
	return slices.Insert(slices.Clip(t), i, p)
}

// Cut returns the trail up to and including p; what lies beyond p is gone.
func (t Trail) Cut(p Place) Trail {
	for i, old := range t {
		if old == p {
			return t[: i+1 : i+1]
		}
		if old.Seq > p.Seq {
			return append(t[:i:i], p)
		}
	}
	return append(t[:len(t):len(t)], p)
}

// AtOrBelow is the newest place of the trail at or below a height, or else its oldest; an
// empty trail has none.
func (t Trail) AtOrBelow(height int64) (Place, bool) {
	if len(t) == 0 {
		return Place{}, false
	}
	newest := t[0]
	for _, p := range t {
		if p.Height() <= height {
			newest = p
		}
	}
	return newest, true
}
