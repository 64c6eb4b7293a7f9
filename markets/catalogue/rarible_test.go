package catalogue_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

// The declarations are those of ExchangeV2Core, before and after March 2022.
const (
	raribleMatched   = "event Match(bytes32 leftHash, bytes32 rightHash, address leftMaker, address rightMaker, uint256 newLeftFill, uint256 newRightFill, (bytes4 assetClass, bytes data) leftAsset, (bytes4 assetClass, bytes data) rightAsset)"
	raribleMatch     = "event Match(bytes32 leftHash, bytes32 rightHash, uint256 newLeftFill, uint256 newRightFill)"
	raribleCancelled = "event Cancel(bytes32 hash, address maker, (bytes4 assetClass, bytes data) makeAssetType, (bytes4 assetClass, bytes data) takeAssetType)"
	raribleCancel    = "event Cancel(bytes32 hash)"
)

var raribleExchange = common.HexToAddress("0x9757F2d2b135150BBeb65308D4a91804107cd8D6")

// raribleAsset is an asset as orders have it: its class is the hash's first bytes of its name.
func raribleAsset(t *testing.T, class string, types string, values ...any) markettest.List {
	asset := markettest.List{[4]byte(common.FromHex(class)), []byte{}}
	if types != "" {
		asset[1] = markettest.Encode(t, types, values...)
	}
	return asset
}

// The event tells makers and assets.
func TestRaribleBefore2022(t *testing.T) {
	eth, money := raribleAsset(t, "0xaaaebeba", ""), raribleAsset(t, "0x8ae85d84", "address", weth)
	unique, units := raribleAsset(t, "0x73ad2146", "address,uint256", nft, 5), raribleAsset(t, "0x973bb640", "address,uint256", shop, 6)
	minted := raribleAsset(t, "0xd8f960c1", "address,uint256", nft, 7) // the rest of its data is left out here
	var hashes [7][32]byte
	var keys [7]string
	for i := range hashes {
		hashes[i], keys[i] = hashed(byte(i+1), raribleExchange)
	}
	taker := [32]byte{99}
	match := func(i int, left, right common.Address, takes, makes int, leftAsset, rightAsset markettest.List) []markets.Raw {
		return []markets.Raw{markettest.Log(t, raribleExchange, raribleMatched, hashes[i], taker, left, right, takes, makes, leftAsset, rightAsset)}
	}
	become(t, "rarible", [][]markets.Raw{
		match(0, seller, buyer, 100, 1, unique, eth),
		match(1, seller, buyer, 200, 3, units, money),
		match(2, buyer, seller, 1, 300, money, unique),
		match(3, buyer, seller, 2, 400, money, units),
		match(4, seller, buyer, 500, 1, minted, eth),
		match(5, seller, buyer, 1, 1, unique, units), // a token for another is not a sale
		{markettest.Log(t, raribleExchange, raribleCancelled, hashes[6], seller, unique, eth)},
	}, []string{
		"bought ask seller→buyer: seller→buyer 1 of nft/5 ERC-721 for 100 ETH",
		"bought ask seller→buyer: seller→buyer 3 of shop/6 ERC-1155 for 200 WETH",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/5 ERC-721 for 300 WETH",
		"offer_accepted bid buyer→seller: seller→buyer 2 of shop/6 ERC-1155 for 400 WETH",
		"bought ask seller→buyer: seller→buyer ? of ?/? for 500 ETH",
		"delisted ? seller→?",
	}, map[string]string{
		keys[0]: "SOLD ask seller→buyer: 1 of nft/5 ERC-721 for 100 ETH",
		keys[1]: "PARTIAL ask seller→buyer: 3 of shop/6 ERC-1155 for 200 WETH",
		keys[2]: "PARTIAL bid buyer→seller: 1 of nft/5 ERC-721 for 300 WETH",
		keys[3]: "PARTIAL bid buyer→seller: 2 of shop/6 ERC-1155 for 400 WETH",
		keys[4]: "PARTIAL ask seller→buyer: ? of ?/? for 500 ETH",
		keys[6]: "CANCELED ? seller→?: ? of ?/? for ? ?",
	})
}

// The event tells hashes and amounts; the tokens are transferred after it.
func TestRaribleSince2022(t *testing.T) {
	eth := common.Address{}
	var hashes [14][32]byte
	var keys [14]string
	for i := range hashes {
		hashes[i], keys[i] = hashed(byte(i+1), raribleExchange)
	}
	match := func(left, right, takes, makes int) markets.Raw {
		return markettest.Log(t, raribleExchange, raribleMatch, hashes[left], hashes[right], takes, makes)
	}
	moved := func(from, to common.Address, id int) markets.Raw {
		return markettest.Log(t, nft, transfer721, from, to, id)
	}
	units := func(from, to common.Address, id, n int) markets.Raw {
		return markettest.Log(t, shop, transfer1155, raribleExchange, from, to, id, n)
	}
	paid := func(currency, from, to common.Address, amount int) markets.Raw {
		return markettest.Log(t, currency, transfer20, from, to, amount)
	}
	sent := func(sender common.Address, logs ...markets.Raw) []markets.Raw {
		for i := range logs {
			logs[i].Envelope = &markets.Envelope{Sender: sender, Value: "0"}
		}
		return logs
	}
	become(t, "rarible", [][]markets.Raw{
		// a purchase: the left order sells, the buyer sends
		sent(buyer, match(0, 1, 100, 1), moved(seller, buyer, 5)),
		// a bid accepted: the left order sells, made up by the seller, who sends
		sent(seller, match(1, 2, 200, 1), paid(weth, buyer, artist, 20), paid(weth, buyer, seller, 180), moved(seller, buyer, 6)),
		// the left order buys, and the seller sends
		sent(seller, match(3, 1, 2, 300), paid(gold, buyer, seller, 300), units(seller, buyer, 7, 2)),
		// the left order buys, made up by the buyer, who sends
		sent(buyer, match(1, 4, 3, 400), units(seller, buyer, 8, 3)),
		// an aggregator buys two, and hands on what is left of something else
		sent(owner, match(5, 1, 500, 1), moved(seller, dao, 9), match(6, 1, 600, 4), units(seller, dao, 10, 4), moved(dao, owner, 9), paid(gold, dao, owner, 5)),
		// a token that the sale mints
		sent(buyer, match(7, 1, 700, 1), moved(eth, seller, 11), moved(seller, buyer, 11)),
		// nothing that follows a standard
		sent(buyer, match(8, 9, 800, 1)),
		sent(seller, markettest.Log(t, raribleExchange, raribleCancel, hashes[10])),
	}, []string{
		"bought ask seller→buyer: seller→buyer 1 of nft/5 ERC-721 for 100 ETH",
		"offer_accepted bid buyer→seller: seller→buyer 1 of nft/6 ERC-721 for 200 WETH",
		"offer_accepted bid buyer→seller: seller→buyer 2 of shop/7 ERC-1155 for 300 gold",
		"bought ask seller→buyer: seller→buyer 3 of shop/8 ERC-1155 for 400 ETH",
		"bought ask seller→dao: seller→dao 1 of nft/9 ERC-721 for 500 ETH",
		"bought ask seller→dao: seller→dao 4 of shop/10 ERC-1155 for 600 ETH",
		"bought ask seller→buyer: seller→buyer 1 of nft/11 ERC-721 for 700 ETH",
		"matched ? ?→?", "matched ? ?→?",
		"delisted ? ?→?",
	}, map[string]string{
		keys[0]:  "SOLD ask seller→buyer: 1 of nft/5 ERC-721 for 100 ETH",
		keys[2]:  "PARTIAL bid buyer→seller: 1 of nft/6 ERC-721 for 200 WETH",
		keys[3]:  "PARTIAL bid buyer→seller: 2 of shop/7 ERC-1155 for 300 gold",
		keys[4]:  "PARTIAL ask seller→buyer: 3 of shop/8 ERC-1155 for 400 ETH",
		keys[5]:  "SOLD ask seller→dao: 1 of nft/9 ERC-721 for 500 ETH",
		keys[6]:  "PARTIAL ask seller→dao: 4 of shop/10 ERC-1155 for 600 ETH",
		keys[7]:  "SOLD ask seller→buyer: 1 of nft/11 ERC-721 for 700 ETH",
		keys[8]:  "PARTIAL ? ?→?: ? of ?/? for ? ?",
		keys[9]:  "PARTIAL ? ?→?: ? of ?/? for ? ?",
		keys[10]: "CANCELED ? ?→?: ? of ?/? for ? ?",
	})
}
