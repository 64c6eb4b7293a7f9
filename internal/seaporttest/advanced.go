package seaporttest

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
)

// The arguments of fulfillAdvancedOrder and getOrderHash: Seaport's structs.
type (
	advancedOrder struct {
		Parameters  orderParameters
		Numerator   *big.Int
		Denominator *big.Int
		Signature   []byte
		ExtraData   []byte
	}
	orderParameters struct {
		Offerer                         common.Address
		Zone                            common.Address
		Offer                           []offerItem
		Consideration                   []considerationItem
		OrderType                       uint8
		StartTime, EndTime              *big.Int
		ZoneHash                        common.Hash
		Salt                            *big.Int
		ConduitKey                      common.Hash
		TotalOriginalConsiderationItems *big.Int
	}
	orderComponents struct {
		Offerer            common.Address
		Zone               common.Address
		Offer              []offerItem
		Consideration      []considerationItem
		OrderType          uint8
		StartTime, EndTime *big.Int
		ZoneHash           common.Hash
		Salt               *big.Int
		ConduitKey         common.Hash
		Counter            *big.Int
	}
	offerItem struct {
		ItemType                                     uint8
		Token                                        common.Address
		IdentifierOrCriteria, StartAmount, EndAmount *big.Int
	}
	considerationItem struct {
		ItemType                                     uint8
		Token                                        common.Address
		IdentifierOrCriteria, StartAmount, EndAmount *big.Int
		Recipient                                    common.Address
	}
	criteriaResolver struct {
		OrderIndex    *big.Int
		Side          uint8
		Index         *big.Int
		Identifier    *big.Int
		CriteriaProof []common.Hash
	}
)

// advanced returns the order as an argument, of which units are to be filled.
func (o *Order) advanced(units int64) advancedOrder {
	p := o.Parameters
	out := orderParameters{
		Offerer: p.Offerer, Zone: p.Zone, OrderType: p.OrderType,
		StartTime: number(p.StartTime), EndTime: number(p.EndTime),
		ZoneHash: p.ZoneHash, Salt: number(p.Salt), ConduitKey: p.ConduitKey,
		TotalOriginalConsiderationItems: big.NewInt(int64(len(p.Consideration))),
	}
	for _, item := range p.Offer {
		out.Offer = append(out.Offer, offerItem{
			item.ItemType, item.Token, number(item.IdentifierOrCriteria), number(item.StartAmount), number(item.EndAmount),
		})
	}
	for _, item := range p.Consideration {
		out.Consideration = append(out.Consideration, considerationItem{
			item.ItemType, item.Token, number(item.IdentifierOrCriteria), number(item.StartAmount), number(item.EndAmount), *item.Recipient,
		})
	}
	divisor := new(big.Int).GCD(nil, nil, big.NewInt(units), big.NewInt(o.Units)).Int64()
	return advancedOrder{
		Parameters: out, Signature: o.Signature, ExtraData: []byte{},
		Numerator: big.NewInt(units / divisor), Denominator: big.NewInt(o.Units / divisor),
	}
}

// resolve chooses an identifier that the order's criteria allow: the first of a set, or any
// of a collection. Orders without criteria need none.
func (o *Order) resolve() (identifier *big.Int, resolvers []criteriaResolver) {
	const consideration = 1 // Side
	for i, item := range o.Parameters.Consideration {
		if item.ItemType < ERC721WithCriteria {
			continue
		}
		chosen := Criterion{Identifier: "1"}
		if len(o.Criteria) > 0 {
			chosen = o.Criteria[0]
		}
		identifier = number(chosen.Identifier)
		resolvers = append(resolvers, criteriaResolver{
			OrderIndex: new(big.Int), Side: consideration, Index: big.NewInt(int64(i)),
			Identifier: identifier, CriteriaProof: chosen.Proof,
		})
	}
	return identifier, resolvers
}
