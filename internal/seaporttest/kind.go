package seaporttest

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Kind is a sort of order.
type Kind string

// The sorts of orders that Input makes.
const (
	Ask            Kind = "ask"             // of an ERC-721 for native coins
	AskERC20       Kind = "ask-erc20"       // of an ERC-721 for an ERC-20
	AskUnits       Kind = "ask-units"       // of ERC-1155 units, each of which can be filled
	Bundle         Kind = "bundle"          // an ERC-721 and ERC-1155 units
	Dutch          Kind = "dutch"           // of an ERC-721, ever cheaper
	Private        Kind = "private"         // of an ERC-721, for one taker
	Restricted     Kind = "restricted"      // of an ERC-721, for the zone
	TwoCurrencies  Kind = "two-currencies"  // of an ERC-721, for native coins and WETH
	NotStarted     Kind = "not-started"     // of an ERC-721, in 40 blocks
	Expiring       Kind = "expiring"        // of an ERC-721, for 10 blocks
	Bid            Kind = "bid"             // of WETH for one ERC-721
	BidUnits       Kind = "bid-units"       // of WETH for ERC-1155 units, each of which can be filled
	CollectionBid  Kind = "collection-bid"  // of WETH for any 3 of the ERC-721, each of which can be filled
	TraitBid       Kind = "trait-bid"       // of WETH for one of a set of the ERC-721
	AscendingBid   Kind = "ascending-bid"   // of WETH for one ERC-721, ever higher
	AuctionedUnits Kind = "auctioned-units" // AskUnits, ever cheaper

	// Counter is the order of the taker in Match.
	Counter Kind = "counter"
)

// Kinds are all kinds that Input makes.
var Kinds = []Kind{
	Ask, AskERC20, AskUnits, Bundle, Dutch, Private, Restricted, TwoCurrencies, NotStarted, Expiring,
	Bid, BidUnits, CollectionBid, TraitBid, AscendingBid, AuctionedUnits,
}

// Terms are what Input needs to know.
type Terms struct {
	Token  int64    // ERC-721 asked or wanted, first of the set of TraitBid
	Kind   int64    // ERC-1155 asked or wanted
	Units  int64    // of Kind
	Price  *big.Int // of everything, in the smallest unit; a multiple of 10,000 × Units
	Taker  common.Address
	Direct bool // Seaport itself moves the maker's tokens, not the conduit
	Fee    int  // in basis points
}

// traits are how many sets of equal trait the ERC-721 tokens are divided into.
const traits = 4

// Input returns an order of a kind, as seaport-js takes it.
func (w *World) Input(kind Kind, terms Terms) Input {
	w.t.Helper()
	price := terms.Price.String()
	token := InputItem{ItemType: ERC721, Token: w.ERC721, Identifier: fmt.Sprint(terms.Token)}
	units := InputItem{ItemType: ERC1155, Token: w.ERC1155, Identifier: fmt.Sprint(terms.Kind), Amount: fmt.Sprint(terms.Units)}
	coins := InputItem{Amount: price}
	weth := InputItem{Token: w.WETH, Amount: price}
	start := uint64(w.Head().Time)
	in := Input{StartTime: start}
	if !terms.Direct {
		in.ConduitKey = w.ConduitKey
	}
	if terms.Fee != 0 {
		in.Fees = []InputFee{{w.Fees, terms.Fee}}
	}
	trade := func(offer, consideration InputItem) {
		in.Offer, in.Consideration = []InputItem{offer}, []InputItem{consideration}
	}
	switch kind {
	case Ask:
		trade(token, coins)
	case AskERC20:
		trade(token, InputItem{Token: w.ERC20, Amount: price})
	case AskUnits, AuctionedUnits:
		in.AllowPartialFills = true
		if kind == AuctionedUnits {
			coins.EndAmount = fmt.Sprint(terms.Units)
			in.Fees = nil // of so little it would be nothing
			in.EndTime = start + uint64(200*blockTime/time.Second)
		}
		trade(units, coins)
	case Bundle:
		trade(token, coins)
		in.Offer = append(in.Offer, units)
	case Dutch:
		coins.EndAmount = new(big.Int).Div(terms.Price, big.NewInt(5)).String()
		trade(token, coins)
		in.EndTime = start + uint64(200*blockTime/time.Second)
	case Private:
		trade(token, coins)
		wanted := token
		wanted.Recipient = &terms.Taker
		in.Consideration = append(in.Consideration, wanted)
	case Restricted:
		trade(token, coins)
		in.Zone, in.RestrictedByZone = &w.Zone, true
	case TwoCurrencies:
		trade(token, coins)
		in.Consideration = append(in.Consideration, weth)
		in.Fees = nil // seaport-js deducts them from one currency only
	case NotStarted:
		trade(token, coins)
		in.StartTime += uint64(40 * blockTime / time.Second)
	case Expiring:
		trade(token, coins)
		in.EndTime = start + uint64(10*blockTime/time.Second)
	case Bid:
		trade(weth, token)
	case BidUnits:
		in.AllowPartialFills = true
		trade(weth, units)
	case CollectionBid:
		in.AllowPartialFills = true
		trade(InputItem{Token: w.WETH, Amount: new(big.Int).Mul(terms.Price, big.NewInt(3)).String()},
			InputItem{ItemType: ERC721, Token: w.ERC721, Identifiers: []string{}, Amount: "3"})
	case TraitBid:
		trade(weth, InputItem{ItemType: ERC721, Token: w.ERC721, Identifiers: w.trait(terms.Token), Amount: "1"})
	case AscendingBid:
		weth.EndAmount = new(big.Int).Mul(terms.Price, big.NewInt(2)).String()
		trade(weth, token)
		in.EndTime = start + uint64(200*blockTime/time.Second)
	default:
		w.t.Fatalf("there is no kind of order %q", kind)
	}
	return in
}

// trait returns the identifiers that have the same trait as a token.
func (w *World) trait(token int64) []string {
	var ids []string
	for id := token%traits + 1; id <= w.tokens(); id += traits {
		ids = append(ids, fmt.Sprint(id))
	}
	return ids
}

// tokens returns how many ERC-721 tokens there are, with identifiers from 1.
func (w *World) tokens() int64 { return int64(len(w.traders()) * tokensEach) }

// Terms returns random terms for an order of a maker: most offer what is theirs.
func (w *World) Terms(rng *rand.Rand, maker common.Address) Terms {
	w.t.Helper()
	units := 2 + rng.Int64N(4)
	terms := Terms{
		Token: 1 + rng.Int64N(w.tokens()), Kind: 1 + rng.Int64N(kinds1155), Units: units,
		Price:  new(big.Int).Mul(big.NewInt(units*(1+rng.Int64N(10))), big.NewInt(1e17)),
		Taker:  w.Takers[rng.IntN(len(w.Takers))],
		Direct: rng.IntN(3) == 0,
	}
	if rng.IntN(3) == 0 {
		terms.Fee = 250
	}
	return terms
}
