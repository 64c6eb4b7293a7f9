package eth

import (
	"encoding/hex"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/mailru/easyjson/jlexer"

	"github.com/imart/event-worker/markets"
)

// Bloom is a block's logs bloom (Yellow Paper 4.4.1): a set of the addresses and topics of its
// logs, with false positives and without false negatives. It is nil if the header has none.
type Bloom []byte

const bloomBytes = 256

func scanBloom(l *jlexer.Lexer) Bloom {
	if scanNull(l) {
		return nil
	}
	text := l.UnsafeBytes()
	if len(text) != 2+2*bloomBytes {
		return nil
	}
	b := make(Bloom, bloomBytes)
	if _, err := hex.Decode(b, text[2:]); err != nil {
		return nil
	}
	return b
}

// Informative says whether the bloom is neither empty nor full, as logs leave it.
func (b Bloom) Informative() bool {
	if b == nil {
		return false
	}
	empty, full := true, true
	for _, v := range b {
		empty, full = empty && v == 0, full && v == 0xff
	}
	return !empty && !full
}

// digest is the three bits that an address or a topic sets in a bloom.
type digest [3]struct {
	index int
	mask  byte
}

func digestOf(item []byte) (d digest) {
	hash := crypto.Keccak256(item)
	for i := range d {
		bit := (int(hash[2*i])<<8 | int(hash[2*i+1])) & 0x7ff
		d[i].index, d[i].mask = bloomBytes-1-bit/8, 1<<(bit%8)
	}
	return d
}

func (b Bloom) has(d digest) bool {
	for _, bit := range d {
		if b[bit.index]&bit.mask == 0 {
			return false
		}
	}
	return true
}

func (b Bloom) add(d digest) {
	for _, bit := range d {
		b[bit.index] |= bit.mask
	}
}

// BloomOf returns the bloom of logs.
func BloomOf(raws []markets.Raw) Bloom {
	b := make(Bloom, bloomBytes)
	for i := range raws {
		b.add(digestOf(raws[i].Address[:]))
		for _, topic := range raws[i].Topics {
			b.add(digestOf(topic[:]))
		}
	}
	return b
}

func (b Bloom) Contains(raw *markets.Raw) bool {
	if !b.has(digestOf(raw.Address[:])) {
		return false
	}
	for _, topic := range raw.Topics {
		if !b.has(digestOf(topic[:])) {
			return false
		}
	}
	return true
}

func (f Filter) mayContainAddress(b Bloom) bool {
	for _, d := range f.addressDigests {
		if b.has(d) {
			return true
		}
	}
	return len(f.Addresses) == 0
}

func (f Filter) mayContainTopic(b Bloom) bool {
	for _, d := range f.topicDigests {
		if b.has(d) {
			return true
		}
	}
	return len(f.topics) == 0
}

// isMissingLogs says whether, going by a block's bloom, logs of the filter are missing from
// the block's: the bloom has one of the filter's topics and one of its addresses, and no log
// has that topic. Blooms of busy blocks have many false positives.
func (f Filter) isMissingLogs(b Bloom, raws []markets.Raw) bool {
	if !b.Informative() || !f.mayContainAddress(b) {
		return false
	}
	if len(f.topics) == 0 {
		return !f.matchesAny(raws)
	}
	for topic, d := range f.topicDigests {
		if b.has(d) && !hasTopic(raws, topic, f) {
			return true
		}
	}
	return false
}

func (f Filter) matchesAny(raws []markets.Raw) bool {
	for i := range raws {
		if f.Matches(&raws[i]) {
			return true
		}
	}
	return false
}

func hasTopic(raws []markets.Raw, topic [32]byte, f Filter) bool {
	for i := range raws {
		if len(raws[i].Topics) > 0 && raws[i].Topics[0] == topic && f.Matches(&raws[i]) {
			return true
		}
	}
	return false
}

// MayContain says whether a block with the bloom may have logs of the filter.
func (f Filter) MayContain(b Bloom) bool {
	return b == nil || f.mayContainAddress(b) && f.mayContainTopic(b)
}
