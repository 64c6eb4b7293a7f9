package catalogue_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// The declarations are those of BlurExchange.
const (
	blurOrder     = "(address trader, uint8 side, address matchingPolicy, address collection, uint256 tokenId, uint256 amount, address paymentToken, uint256 price, uint256 listingTime, uint256 expirationTime, (uint16 rate, address recipient)[] fees, uint256 salt, bytes extraParams)"
	blurMatched   = "event OrdersMatched(address indexed maker, address indexed taker, " + blurOrder + " sell, bytes32 sellHash, " + blurOrder + " buy, bytes32 buyHash)"
	blurCancelled = "event OrderCancelled(bytes32 hash)"
	blurNonce     = "event NonceIncremented(address indexed trader, uint256 newNonce)"
)

var (
	blurExchange = common.HexToAddress("0x000000000000Ad05Ccc4F10045630fb830B95127")
	blurPool     = common.HexToAddress("0x0000000000A39bb272e79075ade125fd351887Ac")
)

// blurSale is what the exchange logs of a sale: the older order is the maker's.
func blurSale(t *testing.T, sellHash, buyHash [32]byte, policy, currency common.Address, sellTime, buyTime int) markets.Raw {
	order := func(trader common.Address, side, id, time int, fees markettest.List) markettest.List {
		return markettest.List{trader, side, policy, nft, id, 1, currency, 1000, time, 99, fees, 7, []byte{1}}
	}
	maker, taker := seller, buyer
	if sellTime > buyTime {
		maker, taker = buyer, seller
	}
	return markettest.Log(t, blurExchange, blurMatched, maker, taker,
		order(seller, 1, 5, sellTime, markettest.List{markettest.List{50, artist}, markettest.List{0, dao}}), sellHash,
		order(buyer, 0, 0, buyTime, markettest.List{markettest.List{100, dao}}), buyHash)
}

func TestBlurV1(t *testing.T) {
	ask, askKey := hashed(1, blurExchange)
	bid, bidKey := hashed(2, blurExchange)
	gone, goneKey := hashed(3, blurExchange)
	made, _ := hashed(4, blurExchange)
	standard, other := common.HexToAddress("0x00000000006411739da1c40b106f8511de5d1fac"), common.HexToAddress("0x90")
	become(t, "blur-v1", [][]markets.Raw{
		{blurSale(t, ask, made, standard, common.Address{}, 10, 11)},
		{blurSale(t, made, bid, other, blurPool, 11, 10)},
		{markettest.Log(t, blurExchange, blurCancelled, gone)},
		{markettest.Log(t, blurExchange, blurNonce, seller, 4)},
	}, []string{
		"bought ask seller→buyer: seller→buyer 1 of nft/5 ERC-721 for 1000 ETH, fee 5 ETH to artist",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/5 for 1000 BETH, fee 5 BETH to artist",
		"delisted ? ?→?",
		"orders_cancelled ? seller→?",
	}, map[string]string{
		askKey:  "SOLD ask seller→buyer: 1 of nft/5 ERC-721 for 1000 ETH",
		bidKey:  "SOLD bid buyer→seller: 1 of nft/5 for 1000 BETH",
		goneKey: "CANCELED ? ?→?: ? of ?/? for ? ?",
	})
}

// A recorded transaction in which one seller accepts the bids of two, and a recorded
// cancellation.
func TestBlurV1Recorded(t *testing.T) {
	events, all := decoded(t, "blur-v1", 1, "blur-v1-*.json")
	golden(t, "blur-v1", events)
	settled(t, events, all)
	sales := only(events, func(e markets.Event) bool { return e.Kind.Sale() })
	if len(sales) != 2 || len(events) != 3 || sales[0].Fees == nil {
		t.Errorf("%d sales of %d events: %+v", len(sales), len(events), events)
	}
	for _, e := range sales {
		if e.Kind != markets.OfferAccepted || e.Token.Standard != markets.ERC721 || e.Taker != "0x93ebE894B914cE093c0582065d72fF608C2dDa3F" {
			t.Errorf("%+v", e)
		}
	}
}
