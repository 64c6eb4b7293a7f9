package seaport

import "github.com/ethereum/go-ethereum/common"

// matcher groups the fills of a transaction into matches.
type matcher struct {
	fills   []*fill
	unnamed map[orderRef][]*fill // not named by an OrdersMatched so far
	run     []*fill              // of one match of version 1.1
}

// orderRef identifies an order.
type orderRef struct {
	contract common.Address
	hash     common.Hash
}

// addFill adds the transaction's next fill.
func (m *matcher) addFill(f *fill) {
	if m.unnamed == nil {
		m.unnamed = map[orderRef][]*fill{}
	}
	m.fills = append(m.fills, f)
	ref := orderRef{f.raw.Address, f.hash}
	m.unnamed[ref] = append(m.unnamed[ref], f)
	m.addToRun(f)
}

// addToRun groups fills of version 1.1, which has no OrdersMatched: the fills of a match
// have no recipient, and nothing is logged between them.
func (m *matcher) addToRun(f *fill) {
	if f.raw.Address != version11 || f.recipient != (common.Address{}) {
		return
	}
	if len(m.run) > 0 && f.raw.Position.Log != m.run[len(m.run)-1].raw.Position.Log+1 {
		m.closeRun()
	}
	m.run = append(m.run, f)
}

func (m *matcher) closeRun() {
	join(m.run)
	m.run = nil
}

// addMatch joins the fills of an OrdersMatched, which is logged after them: of each of its
// orders the latest fill.
func (m *matcher) addMatch(contract common.Address, hashes []byte) {
	var fills []*fill
	for ; len(hashes) > 0; hashes = hashes[wordSize:] {
		ref := orderRef{contract, common.Hash(hashes[:wordSize])}
		if open := m.unnamed[ref]; len(open) > 0 {
			fills = append(fills, open[len(open)-1])
			m.unnamed[ref] = open[:len(open)-1]
		}
	}
	join(fills)
}

// matchedFills are all fills, each with its match. It is called after the last log.
func (m *matcher) matchedFills() []*fill {
	m.closeRun()
	return m.fills
}

func join(fills []*fill) {
	if len(fills) == 0 {
		return
	}
	m := newMatch(fills)
	for _, f := range fills {
		f.match = m
	}
}
