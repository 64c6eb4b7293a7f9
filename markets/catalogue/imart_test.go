package catalogue_test

import (
	"encoding/json"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// IMart has no recordings: these logs are made with go-ethereum's encoder, and the events of
// Aptos by hand. What they become is compared with what the original worker
// (openos-labs/imart-indexer) does with their event types.

var (
	curator, owner, buyer = common.HexToAddress("0xc1"), common.HexToAddress("0xa1"), common.HexToAddress("0xb1")
	gallery               = common.HexToAddress("0x9677bE3ca5ee3F5973D91FF053F0BA1eCa59809F")
	nft                   = common.HexToAddress("0xe721")
)

const (
	galleryChanged    = "event GalleryChanged(uint256 indexed id, string eventType, address collection, uint256 tokenId, address owner, string spaceType, string name, string metadataUri, bool isToken, uint64 timestamp, address[] payees, uint256[] commissionRates, address commissionPool, address[] admissions)"
	offerChanged      = "event OfferChanged(uint256 indexed id, string eventType, address collection, uint256 tokenId, address from, address to, uint256 price, uint256 galleryId, uint64 offerStartAt, uint64 offerExpiredAt, uint64 exhibitExpiredAt, string url, string detail, uint64 timestamp)"
	exhibitChanged    = "event ExhibitChanged(uint256 indexed id, string eventType, uint256 galleryId, address collection, uint256 tokenId, address origin, uint64 expiration, uint256 price, string location, string url, string detail, uint64 timestamp)"
	collectionCreated = "event CollectionCreated(address root, address creator, string name, string category, string[] tags, string description, string uri, address[] payees, uint256[] royalties, uint64 maximum)"
	createActivity    = "event CreateActivity(address indexed organizer, uint256 indexed activityId, address nftContractAddress, uint256[] tokenIds, uint256 indexed endBlockNumber)"
	merkleRoot        = "event MerkleRoot(uint256 indexed activityId, bytes32 merkleRoot)"
	claimed           = "event Claimed(address indexed claimer, address indexed organizer, uint256 indexed activityId, uint256 tokenId)"
	withdrawPrize     = "event WithdrawPrize(address indexed organizer, uint256 indexed activityId)"
)

func exhibit(t *testing.T, contract common.Address, what string) markets.Raw {
	return markettest.Log(t, contract, exhibitChanged, 7, what, 3, nft, 42, owner, 1_700_000_000, 5000, "", "https://example.com", "", 1)
}

func offer(t *testing.T, contract common.Address, what string) markets.Raw {
	return markettest.Log(t, contract, offerChanged, 9, what, nft, 42, curator, owner, 5000, 3, 1, 1_700_000_000, 2, "", "", 1)
}

func imart(t *testing.T) markets.Market {
	t.Helper()
	m, err := catalogue.Market("imart", definition.Site{ChainID: 56, Coin: "BNB"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// An exhibit is listed, and sold to whom the token is moved.
func TestIMartExhibit(t *testing.T) {
	events := decode(t, imart(t), slices.Concat(
		markettest.Transaction(1, exhibit(t, gallery, "ExhibitListed")),
		markettest.Transaction(2, markettest.Log(t, nft, transfer721, gallery, buyer, 42), exhibit(t, gallery, "ExhibitSold")),
	))
	key := "exhibit-7@" + gallery.Hex()
	order, _ := markets.FoldOrder("bsc", "imart", key, only(events, func(e markets.Event) bool { return e.Order == key }))
	if order.Status != markets.Sold || order.Maker != owner.Hex() || order.Taker != buyer.Hex() || order.Price != "5000" || order.Currency.Symbol != "BNB" ||
		order.Token != (markets.Token{Collection: nft.Hex(), ID: "42", Standard: markets.ERC721}) || order.ExpiresAt == nil || order.ExpiresAt.Unix() != 1_700_000_000 {
		t.Errorf("%+v", order)
	}
	record, _ := markets.FoldRecord("bsc", "imart", only(events, func(e markets.Event) bool { return e.Record != nil }))
	if record.Type != "exhibit" || record.Key != "7@"+gallery.Hex() || record.Fields["contract"] != gallery.Hex() || record.Fields["status"] != "sold" || record.Fields["event"] != "ExhibitSold" || record.Fields["gallery"] != "3" {
		t.Errorf("%+v", record)
	}
	frozen := decode(t, imart(t), []markets.Raw{exhibit(t, gallery, "ExhibitFrozen")})
	if len(frozen) != 2 || frozen[1].Kind != markets.Delisted {
		t.Errorf("%+v", frozen)
	}
}

// With several sales in one transaction each has its own buyer: by token, and by their order.
func TestBuyersOfExhibits(t *testing.T) {
	other := common.HexToAddress("0xb2")
	sold := func(id, token int) markets.Raw {
		return markettest.Log(t, gallery, exhibitChanged, id, "ExhibitSold", 3, nft, token, owner, 1_700_000_000, 5000, "", "", "", 1)
	}
	listed := func(id, token int) markets.Raw {
		return markettest.Log(t, gallery, exhibitChanged, id, "ExhibitListed", 3, nft, token, owner, 1_700_000_000, 5000, "", "", "", 1)
	}
	given := func(token int, from, to common.Address) markets.Raw {
		return markettest.Log(t, nft, transfer721, from, to, token)
	}
	for name, c := range map[string]struct {
		logs []markets.Raw
		want string
	}{
		"transfers first":              {[]markets.Raw{given(1, gallery, buyer), sold(7, 1), given(2, gallery, other), sold(8, 2)}, "7 b1, 8 b2"},
		"sales first":                  {[]markets.Raw{sold(7, 1), given(1, gallery, buyer), sold(8, 2), given(2, gallery, other)}, "7 b1, 8 b2"},
		"one within the other":         {[]markets.Raw{given(1, gallery, buyer), given(2, gallery, other), sold(8, 2), sold(7, 1)}, "7 b1, 8 b2"},
		"one token, transfers first":   {[]markets.Raw{given(1, gallery, buyer), sold(7, 1), given(1, buyer, other), sold(8, 1)}, "7 b1, 8 b2"},
		"one token, sales first":       {[]markets.Raw{sold(7, 1), given(1, gallery, buyer), sold(8, 1), given(1, buyer, other)}, "7 b1, 8 b2"},
		"from the seller by the way":   {[]markets.Raw{given(1, owner, gallery), given(1, gallery, buyer), sold(7, 1)}, "7 b1"},
		"passed on":                    {[]markets.Raw{given(1, gallery, buyer), sold(7, 1), given(1, buyer, other)}, "7 b1"},
		"passed on, sales first":       {[]markets.Raw{sold(7, 1), given(1, gallery, buyer), given(1, buyer, other)}, "7 b1"},
		"put in before":                {[]markets.Raw{listed(7, 1), given(1, owner, gallery), sold(7, 1), given(1, gallery, buyer)}, "7 b1"},
		"put in before, sales last":    {[]markets.Raw{given(1, owner, gallery), listed(7, 1), given(1, gallery, buyer), sold(7, 1)}, "7 b1"},
		"of another collection":        {[]markets.Raw{markettest.Log(t, gallery, transfer721, gallery, other, 1), given(1, gallery, buyer), sold(7, 1)}, "7 b1"},
		"no transfer":                  {[]markets.Raw{sold(7, 1), given(2, gallery, other)}, "7 "},
		"logged by a stranger like it": {[]markets.Raw{func() markets.Raw { r := sold(9, 1); r.Address = nft; return r }(), given(1, gallery, buyer), sold(7, 1)}, "7 b1"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range decode(t, imart(t), markettest.Transaction(1, c.logs...)) {
				if e.Kind == markets.Bought {
					taker := ""
					if e.Taker != "" {
						taker = strings.ToLower(e.Taker[len(e.Taker)-2:])
					}
					got = append(got, e.Order[len("exhibit-"):len("exhibit-7")]+" "+taker)
				}
			}
			slices.Sort(got)
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("sold to %s, want %s", s, c.want)
			}
		})
	}
}

// Two curations count from 1 each: what they have under one number are two exhibits, with an
// order each, two galleries and two offers.
func TestTwoCurations(t *testing.T) {
	other := common.HexToAddress("0xc2")
	m, err := catalogue.Market("imart", definition.Site{ChainID: 56, Contracts: map[string][]string{"curation": {gallery.Hex(), other.Hex()}, "lottery": {gallery.Hex(), other.Hex()}}})
	if err != nil {
		t.Fatal(err)
	}
	var logs []markets.Raw
	for _, contract := range []common.Address{gallery, other} {
		logs = append(logs,
			markettest.Log(t, contract, galleryChanged, 3, "GalleryCreated", nft, 1, curator, "3d", "Hall", "", true, 1, []common.Address{}, []*big.Int{}, gallery, []common.Address{}),
			offer(t, contract, "OfferCreated"), exhibit(t, contract, "ExhibitListed"),
			markettest.Log(t, contract, createActivity, owner, 11, nft, []*big.Int{}, 900), markettest.Log(t, contract, merkleRoot, 11, none), markettest.Log(t, contract, claimed, buyer, owner, 11, 2))
	}
	logs = append(logs, exhibit(t, other, "ExhibitCanceled"), offer(t, other, "OfferRejected"), markettest.Log(t, other, withdrawPrize, owner, 11))
	keys := map[string]bool{}
	events := decode(t, m, markettest.Transaction(1, logs...))
	for _, e := range events {
		keys[e.Key()] = true
	}
	orders := folded(events)
	if orders["exhibit-7@"+gallery.Hex()].Status != markets.Listing || orders["exhibit-7@"+other.Hex()].Status != markets.Canceled {
		t.Errorf("one curation's exhibit was cancelled: %+v", orders)
	}
	if len(keys) != 2*7 {
		t.Errorf("%d keys: %v", len(keys), keys)
	}
}

// The original sent the notifications "You have received an offer", "Your offer has been
// accepted" and "Your offer has been rejected". Accepting an offer to exhibit is not a sale.
func TestIMartOffers(t *testing.T) {
	for what, want := range map[string]struct {
		receiver common.Address
		message  markets.Message
	}{
		"OfferCreated":  {owner, markets.OfferReceived},
		"OfferAccepted": {curator, markets.OfferTaken},
		"OfferRejected": {curator, markets.OfferRefused},
		"OfferCanceled": {owner, markets.OfferGone},
	} {
		m := imart(t)
		events := decode(t, m, []markets.Raw{offer(t, gallery, what)})
		if len(events) != 1 || events[0].Kind.Sale() || events[0].Record.Key != "9@"+gallery.Hex() {
			t.Fatalf("%s: %+v", what, events)
		}
		sent := markets.Notifications(markets.Activity{Chain: "bsc", Market: "imart", Event: events[0]})
		if len(sent) != 1 || sent[0].Receiver != want.receiver.Hex() || sent[0].Message != want.message {
			t.Errorf("%s sends %+v", what, sent)
		}
	}
	for _, s := range imart(t).Streams {
		if !s.Notifies {
			t.Errorf("stream %s does not notify", s.Name)
		}
	}
}

// What every event of its contracts becomes, on the chain that has them all.
func TestIMartOnEVM(t *testing.T) {
	m, err := catalogue.Market("imart", definition.Site{ChainID: 5})
	if err != nil {
		t.Fatal(err)
	}
	curation := common.HexToAddress("0xc1d86DfeD6ceb43d83c7fFEf264D8C9d764751eB")
	lottery := common.HexToAddress("0x50119e8e72E64746d84b808D0d040cB57DC35ed3")
	var logs []markets.Raw
	for _, contract := range []string{"0x9ED826624d295a8B276947d567a5438Be83aaACC", "0x16F88C3af47971Eeb071bdcDD8fcA146BE5F7C90"} {
		logs = append(logs, markettest.Log(t, common.HexToAddress(contract), collectionCreated, nft, owner, "Beasts", "art", []string{"tall", "wild"},
			"of the forest", "ipfs://beasts", []common.Address{owner}, []*big.Int{big.NewInt(500)}, 1000))
	}
	for _, what := range []string{"GalleryCreated", "GalleryMetadataChanged"} {
		logs = append(logs, markettest.Log(t, curation, galleryChanged, 3, what, nft, 1, curator, "3d", "Hall", "ipfs://hall", true, 1,
			[]common.Address{curator}, []*big.Int{big.NewInt(250)}, gallery, []common.Address{nft}))
	}
	for _, what := range []string{"OfferCreated", "OfferCanceled", "OfferRejected", "OfferAccepted"} {
		logs = append(logs, offer(t, curation, what))
	}
	for _, what := range []string{"ExhibitListed", "ExhibitFrozen", "ExhibitRedeemed", "ExhibitCanceled"} {
		logs = append(logs, exhibit(t, curation, what))
	}
	logs = append(logs,
		markettest.Log(t, nft, transfer721, curation, buyer, 42),
		exhibit(t, curation, "ExhibitSold"),
		markettest.Log(t, lottery, createActivity, owner, 11, nft, []*big.Int{big.NewInt(1), big.NewInt(2)}, 900),
		markettest.Log(t, lottery, merkleRoot, 11, [32]byte{1, 2}),
		markettest.Log(t, lottery, claimed, buyer, owner, 11, 2),
		markettest.Log(t, lottery, withdrawPrize, owner, 11),
	)
	golden(t, "imart", decode(t, m, markettest.Transaction(1, logs...)))
}

// Each chain has the streams whose contracts it has; Seaport 1.4 is the order market.
func TestIMartChains(t *testing.T) {
	for id, want := range map[uint64]int{5: 9, 56: 8, 97: 8, 80001: 8, 5611: 4, 280: 4} {
		m, err := catalogue.Market("imart", definition.Site{ChainID: id})
		if err != nil || len(m.Streams) != want {
			t.Errorf("chain %d: %d streams, want %d, %v", id, len(m.Streams), want, err)
		}
	}
}

// The eleven streams of the original, with its handles.
func TestIMartOnAptos(t *testing.T) {
	m, given := imartOnAptos(t), handles(t)
	var events []markets.Event
	for i, s := range m.Streams {
		data, ok := given[s.Source.Handle[strings.LastIndex(s.Source.Handle, ":")+1:]+"/"+s.Source.Field]
		if !ok {
			t.Errorf("no event for %s/%s", s.Source.Handle, s.Source.Field)
			continue
		}
		found, failures := s.DecodeAll([]markets.Raw{{Position: markets.Position{Height: int64(i)}, Type: "0x5::m::E", JSON: data}})
		for _, f := range failures {
			t.Errorf("%s: %v", s.Name, f.Reason)
		}
		events = append(events, found...)
	}
	if len(m.Streams) != 11 || len(given) != 11 {
		t.Errorf("%d streams, %d events", len(m.Streams), len(given))
	}
	golden(t, "imart-aptos", events)
}

// handles are the events of imart-aptos that are made in testdata, by handle and field.
func handles(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	text, err := os.ReadFile("testdata/imart-aptos-events.json")
	if err != nil {
		t.Fatal(err)
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		t.Fatal(err)
	}
	return given
}

// change is an event of testdata with other fields.
func change(t *testing.T, stream markets.Stream, given map[string]json.RawMessage, height int64, fields map[string]any) markets.Raw {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal(given[stream.Source.Handle[strings.LastIndex(stream.Source.Handle, ":")+1:]+"/"+stream.Source.Field], &data); err != nil {
		t.Fatal(err)
	}
	maps.Copy(data, fields)
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return markets.Raw{Position: markets.Position{Height: height}, Seq: height, Type: "0x5::m::E", JSON: text}
}

// A token is its creator's, until it is bought, an offer for it is accepted, or an exhibit's
// event says otherwise. What is rolled back is folded as if it had never been.
func TestIMartOwners(t *testing.T) {
	m := imartOnAptos(t)
	given := handles(t)
	var events []markets.Event
	add := func(stream string, height int64, fields map[string]any) {
		i := slices.IndexFunc(m.Streams, func(s markets.Stream) bool { return s.Name == stream })
		found, failures := m.Streams[i].DecodeAll([]markets.Raw{change(t, m.Streams[i], given, height, fields)})
		if len(failures) > 0 {
			t.Fatal(failures[0].Reason)
		}
		events = append(events, found...)
	}
	add("token", 1, nil)
	add("buy", 2, map[string]any{"buyer": "0xb1"})
	add("offer-accept", 3, map[string]any{"coin_owner": "0xb2"})
	add("exhibit", 4, map[string]any{"event_type": "ExhibitListed", "owner": "0x73"})
	add("exhibit", 5, map[string]any{"event_type": "ExhibitSold", "owner": "0xb3"})
	add("exhibit", 6, map[string]any{"event_type": "ExhibitFrozen", "owner": "0xb4"})
	for height, want := range map[int64]string{1: "c1", 2: "b1", 3: "b2", 4: "73", 5: "b3", 6: "b4"} {
		record, _ := markets.FoldRecord("aptos", "imart-aptos", only(events, func(e markets.Event) bool {
			return e.Record != nil && e.Record.Type == "token" && e.Position.Height <= height
		}))
		if owner, _ := record.Fields["owner"].(string); !strings.HasSuffix(owner, "00"+want) || record.Fields["name"] != "Punk 1" {
			t.Errorf("at %d: %+v", height, record.Fields)
		}
	}
	keys := map[string]bool{}
	for _, e := range events {
		if e.Record != nil && e.Record.Type == "token" {
			keys[e.Key()] = true
		}
	}
	if len(keys) != 1 {
		t.Errorf("the token has records %v", keys)
	}
}

// Two accounts with a curation count from 1 each: what they have under one number are two
// exhibits, with an order each, two galleries and two offers.
func TestTwoCurationsOnAptos(t *testing.T) {
	given := handles(t)
	keys := map[string]bool{}
	for _, account := range []string{"0xca", "0xcb"} {
		m, err := catalogue.Market("imart-aptos", definition.Site{ChainID: 2, Account: account})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range m.Streams {
			if !strings.Contains(s.Source.Handle, "::curation::") {
				continue
			}
			found, _ := s.DecodeAll([]markets.Raw{change(t, s, given, 1, nil)})
			for _, e := range found {
				if e.Record == nil || e.Record.Type != "token" { // tokens are not the curation's
					keys[e.Key()] = true
				}
			}
		}
	}
	if len(keys) != 2*4 {
		t.Errorf("%d keys: %v", len(keys), keys)
	}
}

// The states of exhibits are the original's words.
func TestIMartExhibitStates(t *testing.T) {
	m := imart(t)
	onAptos := imartOnAptos(t)
	given := handles(t)
	for what, want := range map[string]string{
		"ExhibitListed": "listing", "ExhibitCanceled": "reserved", "ExhibitSold": "sold", "ExhibitFrozen": "frozen", "ExhibitRedeemed": "redeemed",
		"ExhibitMoved": "ExhibitMoved",
	} {
		s := onAptos.Streams[slices.IndexFunc(onAptos.Streams, func(s markets.Stream) bool { return s.Name == "exhibit" })]
		found, _ := s.DecodeAll([]markets.Raw{change(t, s, given, 1, map[string]any{"event_type": what})})
		for _, events := range [][]markets.Event{found, decode(t, m, []markets.Raw{exhibit(t, gallery, what)})} {
			if fields := events[0].Record.Fields; fields["status"] != want || fields["event"] != what {
				t.Errorf("%s: %v", what, fields)
			}
		}
	}
}

func imartOnAptos(t *testing.T) markets.Market {
	t.Helper()
	m, err := catalogue.Market("imart-aptos", definition.Site{ChainID: 2})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func only(events []markets.Event, keep func(markets.Event) bool) (out []markets.Event) {
	for _, e := range events {
		if keep(e) {
			out = append(out, e)
		}
	}
	return out
}
