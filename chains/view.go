package chains

import "github.com/imart/event-worker/markets"

// Standing is where a place is in relation to a view's branch.
type Standing int

// The standings of a place. With a view of the blocks 90 (final) to 100 (head):
//
//	Below      On                On
//	 40 ──── … 90 ─ 91 ─ … ─ 95 ─ … ─ 100     Ahead: 101
//	                    ╰─── 95' Off
const (
	On    Standing = iota // on the branch
	Off                   // on an abandoned branch
	Ahead                 // beyond the view's head
	Below                 // below the view's finality: the chain itself must be asked
)

// View is a chain as its head was last seen. It is immutable.
type View struct {
	// Head and Final are the newest block and the newest one that cannot be
	// reorganised: block numbers and hashes, or ledger versions without hashes.
	Head, Final markets.Place
	// FinalityViolations counts the confirmed reorganisations deeper than finality up to this
	// view. When it grows, nothing that was final is certain any more.
	FinalityViolations int
	// hashes are those of the blocks from Final up to Head.
	hashes []string
}

// NewView returns the view of an EVM chain: the hashes of the blocks from final
// on, the last one the head's. There is at least one.
func NewView(final int64, hashes []string) *View {
	return &View{
		Head:   markets.Place{Seq: final + int64(len(hashes)) - 1, Hash: hashes[len(hashes)-1]},
		Final:  markets.Place{Seq: final, Hash: hashes[0]},
		hashes: hashes,
	}
}

// NewLedger returns the view of a chain that cannot be reorganised, at a ledger
// version.
func NewLedger(version int64) *View {
	at := markets.Place{Seq: version}
	return &View{Head: at, Final: at}
}

// Hash is the hash of the block at a height, if the view has it.
func (v *View) Hash(height int64) (string, bool) {
	i := height - v.Final.Seq
	if i < 0 || i >= int64(len(v.hashes)) {
		return "", false
	}
	return v.hashes[i], true
}

// Stand returns where a place is in relation to the view's branch.
func (v *View) Stand(p markets.Place) Standing {
	if p.Hash == "" { // a stream's start, or a chain without branches
		return On
	}
	if p.Seq > v.Head.Seq {
		return Ahead
	}
	hash, ok := v.Hash(p.Seq)
	switch {
	case !ok:
		return Below
	case hash == p.Hash:
		return On
	}
	return Off
}
