package seaport

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

// The types of orders in EIP-712, as in Seaport's ConsiderationBase.sol.
const (
	offerItemType         = "OfferItem(uint8 itemType,address token,uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount)"
	considerationItemType = "ConsiderationItem(uint8 itemType,address token,uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount,address recipient)"
	componentsType        = "OrderComponents(address offerer,address zone,OfferItem[] offer,ConsiderationItem[] consideration,uint8 orderType,uint256 startTime,uint256 endTime,bytes32 zoneHash,uint256 salt,bytes32 conduitKey,uint256 counter)" + considerationItemType + offerItemType
)

var (
	offerItemHash         = topic(offerItemType)
	considerationItemHash = topic(considerationItemType)
	componentsHash        = topic(componentsType)
)

// OrderHash is the hash of an order (EIP-712's hashStruct of OrderComponents), by which the
// contracts know it. It needs the counter. An error names the field that is invalid.
func OrderHash(p markets.Parameters) (common.Hash, error) {
	parsed, err := parse(p)
	if err != nil {
		return common.Hash{}, err
	}
	if parsed.counter == nil {
		return common.Hash{}, fmt.Errorf("counter: %w", errNoCounter)
	}
	return parsed.structHash(), nil
}

// structHash is the order's hash. Items of the consideration that were added to what the
// order requires, as tips, are not part of it. It is zero if required items are missing.
func (p *parameters) structHash() common.Hash {
	if p.required > len(p.consideration) {
		return common.Hash{}
	}
	var offer, consideration encoded
	for i := range p.offer {
		offer.hash(p.offer[i].structHash(offerItemHash, false))
	}
	for i := range p.consideration[:p.required] {
		consideration.hash(p.consideration[i].structHash(considerationItemHash, true))
	}
	words := make(encoded, 0, 12*wordSize)
	words.hash(componentsHash)
	words.address(p.offerer)
	words.address(p.zone)
	words.hash(crypto.Keccak256Hash(offer))
	words.hash(crypto.Keccak256Hash(consideration))
	words.small(uint8(p.kind))
	words.number(&p.start)
	words.number(&p.end)
	words.hash(p.zoneHash)
	words.number(&p.salt)
	words.hash(p.conduit)
	words.number(p.counter)
	return crypto.Keccak256Hash(words)
}

func (it *item) structHash(typeHash common.Hash, received bool) common.Hash {
	words := make(encoded, 0, 7*wordSize)
	words.hash(typeHash)
	words.small(uint8(it.kind))
	words.address(it.contract)
	words.number(&it.id)
	words.number(&it.amount)
	words.number(&it.end)
	if received {
		words.address(it.recipient)
	}
	return crypto.Keccak256Hash(words)
}

// encoded are values in words of 32 bytes.
type encoded []byte

func (w *encoded) hash(h common.Hash) { *w = append(*w, h[:]...) }

func (w *encoded) address(a common.Address) { w.hash(common.BytesToHash(a[:])) }

func (w *encoded) number(n *uint256.Int) { w.hash(n.Bytes32()) }

func (w *encoded) small(n uint8) { w.hash(common.Hash{wordSize - 1: n}) }
