package signature

import (
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/imart/event-worker/markets"
)

// The EIP-712 types.
const (
	offerType         = "OfferItem(uint8 itemType,address token,uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount)"
	considerationType = "ConsiderationItem(uint8 itemType,address token,uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount,address recipient)"
	orderType         = "OrderComponents(address offerer,address zone,OfferItem[] offer,ConsiderationItem[] consideration,uint8 orderType,uint256 startTime,uint256 endTime,bytes32 zoneHash,uint256 salt,bytes32 conduitKey,uint256 counter)"
	domainType        = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)

func hashOf(text string) common.Hash { return crypto.Keccak256Hash([]byte(text)) }

// Hash is the order's hash, by which its contract knows it: the EIP-712 hash of its
// OrderComponents, counter included. It does not depend on the domain.
func (o Order) Hash() common.Hash { return hashParameters(o.Parameters) }

// Key is the order's key in the market of the contract: 0xHASH@0xContract.
func (o Order) Key(contract common.Address) string {
	return o.Hash().Hex() + "@" + contract.Hex()
}

func hashParameters(p markets.Parameters) common.Hash {
	var offer, consideration []byte
	for _, item := range p.Offer {
		offer = append(offer, hashWords(hashOf(offerType).Bytes(), itemWords(item))...)
	}
	for _, item := range p.Consideration {
		consideration = append(consideration, hashWords(hashOf(considerationType).Bytes(), itemWords(item.OfferedItem), addressWord(item.Recipient))...)
	}
	return common.BytesToHash(hashWords(
		hashOf(orderTypes).Bytes(), addressWord(p.Offerer), addressWord(p.Zone),
		crypto.Keccak256(offer), crypto.Keccak256(consideration), word(uint64(p.OrderType)),
		amountWord(p.StartTime), amountWord(p.EndTime), hashWord(p.ZoneHash), amountWord(p.Salt), hashWord(p.ConduitKey), amountWord(p.Counter),
	))
}

// orderTypes is the order's type with the types within it, by name.
const orderTypes = orderType + considerationType + offerType

func itemWords(i markets.OfferedItem) []byte {
	return slices.Concat(word(uint64(i.Type)), addressWord(i.Token), amountWord(i.Identifier), amountWord(i.StartAmount), amountWord(i.EndAmount))
}

func hashWords(words ...[]byte) []byte { return crypto.Keccak256(words...) }

func word(n uint64) []byte {
	w := uint256.NewInt(n).Bytes32()
	return w[:]
}

func amountWord(a markets.Amount) []byte {
	w := a.BigEndian()
	return w[:]
}

func addressWord(hex string) []byte {
	return common.LeftPadBytes(common.HexToAddress(hex).Bytes(), 32)
}

func hashWord(hex string) []byte { return common.HexToHash(hex).Bytes() }

// Domain is what a signature is for: one deployment of Seaport on one chain.
type Domain struct {
	Version  string // 1.1 to 1.6
	ChainID  uint64
	Contract common.Address
}

// Versions are those of Seaport whose signatures are known.
func Versions() []string { return []string{"1.1", "1.2", "1.3", "1.4", "1.5", "1.6"} }

// String names the domain.
func (d Domain) String() string {
	return fmt.Sprintf("Seaport %s at %s on chain %d", d.Version, d.Contract, d.ChainID)
}

func (d Domain) check() error {
	if !slices.Contains(Versions(), d.Version) {
		return fmt.Errorf("signatures of Seaport %q are not known: only those of %v are", d.Version, Versions())
	}
	return nil
}

// bulk says whether the contract takes bulk orders.
func (d Domain) bulk() bool { return d.Version != "1.1" }

// Separator is the domain's separator, which the contract's information() returns.
func (d Domain) Separator() common.Hash {
	return common.BytesToHash(hashWords(
		hashOf(domainType).Bytes(), hashOf("Seaport").Bytes(), hashOf(d.Version).Bytes(),
		word(d.ChainID), common.LeftPadBytes(d.Contract.Bytes(), 32),
	))
}

// Digest is what is signed to sign the order, or bulk order, of a hash.
func (d Domain) Digest(hash common.Hash) common.Hash {
	separator := d.Separator()
	return crypto.Keccak256Hash([]byte{0x19, 0x01}, separator[:], hash[:])
}

// deployments are the versions of the canonical contracts.
func deployments() map[common.Address]string {
	return map[common.Address]string{
		common.HexToAddress("0x00000000006c3852cbEf3e08E8dF289169EdE581"): "1.1",
		common.HexToAddress("0x00000000000006c7676171937C444f6BDe3D6282"): "1.2",
		common.HexToAddress("0x0000000000000aD24e80fd803C6ac37206a45f15"): "1.3",
		common.HexToAddress("0x00000000000001ad428e4906aE43D8F9852d0dD6"): "1.4",
		common.HexToAddress("0x00000000000000ADc04C56Bf30aC9d3c0aAF14dC"): "1.5",
		common.HexToAddress("0x0000000000000068F116a894984e2DB1123eB395"): "1.6",
	}
}

// VersionAt is the version of the canonical deployment at an address; empty if there is
// none. Any other contract tells its own: information().
func VersionAt(contract common.Address) string { return deployments()[contract] }
