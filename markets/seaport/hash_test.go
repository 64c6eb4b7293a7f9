package seaport

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"github.com/holiman/uint256"
	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// go-ethereum's EIP-712 gives the same hash.
func TestOrderHashIsEIP712(t *testing.T) {
	item := []apitypes.Type{{Name: "itemType", Type: "uint8"}, {Name: "token", Type: "address"}, {Name: "identifierOrCriteria", Type: "uint256"}, {Name: "startAmount", Type: "uint256"}, {Name: "endAmount", Type: "uint256"}}
	data := apitypes.TypedData{Domain: apitypes.TypedDataDomain{Name: "Seaport"}, Types: apitypes.Types{
		"EIP712Domain":      {{Name: "name", Type: "string"}},
		"OfferItem":         item,
		"ConsiderationItem": append(item[:5:5], apitypes.Type{Name: "recipient", Type: "address"}),
		"OrderComponents": {
			{Name: "offerer", Type: "address"}, {Name: "zone", Type: "address"}, {Name: "offer", Type: "OfferItem[]"},
			{Name: "consideration", Type: "ConsiderationItem[]"}, {Name: "orderType", Type: "uint8"}, {Name: "startTime", Type: "uint256"},
			{Name: "endTime", Type: "uint256"}, {Name: "zoneHash", Type: "bytes32"}, {Name: "salt", Type: "uint256"},
			{Name: "conduitKey", Type: "bytes32"}, {Name: "counter", Type: "uint256"},
		},
	}}
	fields := func(it markets.OfferedItem) map[string]any {
		return map[string]any{
			"itemType": string(amountOf(it.Type)), "token": it.Token, "identifierOrCriteria": string(it.Identifier),
			"startAmount": string(it.StartAmount), "endAmount": string(it.EndAmount),
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		binary, _ := drawParameters(rt)
		p := *newDecoder(nil, known("ETH")).public(&binary)
		p.Counter = markets.AmountOf(&binary.salt)
		offer, consideration := []any{}, []any{}
		for _, it := range p.Offer {
			offer = append(offer, fields(it))
		}
		for _, it := range p.Consideration {
			all := fields(it.OfferedItem)
			all["recipient"] = it.Recipient
			consideration = append(consideration, all)
		}
		want, err := data.HashStruct("OrderComponents", map[string]any{
			"offerer": p.Offerer, "zone": p.Zone, "offer": offer, "consideration": consideration, "orderType": string(amountOf(p.OrderType)),
			"startTime": string(p.StartTime), "endTime": string(p.EndTime), "zoneHash": p.ZoneHash, "salt": string(p.Salt),
			"conduitKey": p.ConduitKey, "counter": string(p.Counter),
		})
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := OrderHash(p); err != nil || got != common.BytesToHash(want) {
			rt.Fatalf("hash %v, %v, want %v", got, err, want)
		}
	})
}

func amountOf(n int) markets.Amount { return markets.AmountOf(uint256.NewInt(uint64(n))) }

// The contracts' own constants (_OFFER_ITEM_TYPEHASH… in Seaport's ReferenceConsiderationBase).
func TestTypeHashesAreTheContracts(t *testing.T) {
	for want, got := range map[string]common.Hash{
		"0xa66999307ad1bb4fde44d13a5d710bd7718e0c87c1eef68a571629fbf5b93d02": offerItemHash,
		"0x42d81c6929ffdc4eb27a0808e40e82516ad42296c166065de7f812492304ff6e": considerationItemHash,
		"0xfa445660b7e21515a59617fcd68910b487aa5808b8abda3d78bc85df364b2c2f": componentsHash,
	} {
		if got.Hex() != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
