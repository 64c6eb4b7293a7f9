package seaport

import "github.com/ethereum/go-ethereum/common"

// matcher finds out which fills of a transaction belong to which match.
type matcher struct {
	fills   []*fill
	unnamed map[orderRef][]*fill // not yet named by an OrdersMatched
	run     []*fill              // of one match of version 1.1
}

// orderRef names an order.
type orderRef struct {
	contract common.Address
	hash     common.Hash
}

// add takes the next fill.
func (m *matcher) add(f *fill) {
	if m.unnamed == nil {
		m.unnamed = map[orderRef][]*fill{}
	}
	m.fills = append(m.fills, f)
	ref := orderRef{f.raw.Address, f.hash}
	m.unnamed[ref] = append(m.unnamed[ref], f)
	m.addToRun(f)
}

// addToRun handles version 1.1: the fills of a match have no recipient, and nothing
// is logged between them.
func (m *matcher) addToRun(f *fill) {
	if f.raw.Address != version11 || f.recipient != (common.Address{}) {
		return
	}
	if len(m.run) > 0 && f.raw.Position.Log != m.run[len(m.run)-1].raw.Position.Log+1 {
		m.endRun()
	}
	m.run = append(m.run, f)
}

func (m *matcher) endRun() {
	join(m.run)
	m.run = nil
}

// named takes an OrdersMatched, which follows the fills of its orders: of each of
// them, the latest.
func (m *matcher) named(contract common.Address, hashes []byte) {
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

// done returns all fills, each with its match.
func (m *matcher) done() []*fill {
	m.endRun()
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
