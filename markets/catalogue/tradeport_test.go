package catalogue

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

// account is where the market's modules live.
const account = "0xe11c12ec495f3989c35e1c6a0af414451223305b579291fc8f3d9d0575a23c26"

func tradeport(t testing.TB) markets.Market {
	t.Helper()
	m, err := Market("tradeport", definition.Site{ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const recordings = "../../testdata/recordings/aptos/transactions"

// transaction is a recorded transaction in the form of Aptos' REST API.
type transaction struct {
	Version string `json:"version"`
	Hash    string `json:"hash"`
	Sender  string `json:"sender"`
	Changes []struct {
		Type    string `json:"type"`
		Address string `json:"address"`
		Data    struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		} `json:"data"`
	} `json:"changes"`
	Events []struct {
		SequenceNumber string          `json:"sequence_number"`
		Type           string          `json:"type"`
		Data           json.RawMessage `json:"data"`
	} `json:"events"`
}

func recorded(t testing.TB) []transaction {
	t.Helper()
	files, err := filepath.Glob(recordings + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", recordings, err)
	}
	var all []transaction
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var tx transaction
		if err := json.Unmarshal(text, &tx); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, tx)
	}
	return all
}

// raws are the transaction's events of a type, as a chain returns them.
func (tx transaction) raws(t testing.TB, eventType string) (raws []markets.Raw) {
	t.Helper()
	ledger := &markets.AptosTransaction{Version: number(t, tx.Version), Sender: tx.Sender}
	for _, c := range tx.Changes {
		if c.Type == "write_resource" {
			ledger.Resources = append(ledger.Resources, markets.AptosResource{Address: c.Address, Type: c.Data.Type, Data: c.Data.Data})
		}
	}
	for i, e := range tx.Events {
		if e.Type == eventType {
			raws = append(raws, markets.Raw{
				Position: markets.Position{Height: ledger.Version, Log: int32(i)}, Seq: number(t, e.SequenceNumber),
				Transaction: tx.Hash, Type: e.Type, JSON: e.Data, Ledger: ledger,
			})
		}
	}
	return raws
}

func number(t testing.TB, s string) (n int64) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// types are the event types of the market's streams.
var types = map[string]string{
	"list": "listings_v2::InsertListingEvent", "delist": "listings_v2::DeleteListingEvent", "buy": "listings_v2::BuyEvent",
	"offer": "biddings_v2::InsertTokenBidEvent", "offer-cancel": "biddings_v2::DeleteTokenBidEvent", "offer-accept": "biddings_v2::AcceptTokenBidEvent",
	"collection-offer": "biddings_v2::InsertCollectionBidEvent", "collection-offer-cancel": "biddings_v2::DeleteCollectionBidEvent", "collection-offer-accept": "biddings_v2::AcceptCollectionBidEvent",
}

// oracle is what another indexer (github.com/aptos-labs/aptos-nft-aggregator at
// 5245da773797) finds in the recorded transactions: version, index of the event,
// stream, kind, order, collection, token, name, price in octas, seller, buyer. A - is
// nothing. An @ marks what the other indexer does not find: the buyer of a listing (a slip
// in its configuration; the event has it), and the collection or name of a token whose offer
// was accepted, or whose name is in the older resource.
const oracle = `
2296098846  1 delist delisted 0x601d63ebac2606de806f319e03eebbc1d72e97d3636e565f6136fa3474e9dc06 0x9d9ae026d65ad917bffcc6984370468e751ec3e9cd7a69f114c8a58c34d408b7 0x6bc9d89f72ecc22dbca30025a10bc888cb1c90d6d6ee0d90f2739e6043557bf0 Mingo_#12541 20000000 0x65d8eb0656a9f3c6479671b37e6243cd322a5a4f042ce9e43ac968c2a84197ab -
2296098846  6 offer-accept offer_accepted 0xa4877fd357bbb3c4464765537ecd0936403d202002ae0c70f9808f94ecf5200c @0x9d9ae026d65ad917bffcc6984370468e751ec3e9cd7a69f114c8a58c34d408b7 0x6bc9d89f72ecc22dbca30025a10bc888cb1c90d6d6ee0d90f2739e6043557bf0 @Mingo_#12541 2000000 0x65d8eb0656a9f3c6479671b37e6243cd322a5a4f042ce9e43ac968c2a84197ab 0xd8cc665d62192ecea331471956c854a15a6db7a13ba94b6aa5d75be430af0458
2296149225  1 delist delisted 0x023eac30752bcdfdc610896e50abc56237234634802b8b7b8b7ba21dfe5390e6 0x9d9ae026d65ad917bffcc6984370468e751ec3e9cd7a69f114c8a58c34d408b7 0xdb3751353dd2d7edda6a3443a71a2656c2c477caebb3bce0ae50941741fcf12d Shiba_#7141 9000000 0x43d8f99000e4be09b1145832e9b1a98725fc7b4f63fd1ba3726b6266365fc39e -
2296149225  6 offer-accept offer_accepted 0x142d4aaf554ebbebb41d6fab20964a6a64b5d9396f6bdacd2533479e589c4963 @0x9d9ae026d65ad917bffcc6984370468e751ec3e9cd7a69f114c8a58c34d408b7 0xdb3751353dd2d7edda6a3443a71a2656c2c477caebb3bce0ae50941741fcf12d @Shiba_#7141 3000000 0x43d8f99000e4be09b1145832e9b1a98725fc7b4f63fd1ba3726b6266365fc39e 0x36f08a98302079f5bd60d811c0187171a7edaa352ae9907ae21a7014ff2dbc60
2298838662  1 delist delisted 0x1b4a34336112158ef3d58708f1d54da931c1ed9786c4b1f074498e2c19be4719 0x9d9ae026d65ad917bffcc6984370468e751ec3e9cd7a69f114c8a58c34d408b7 0x496627a8924237cbcf4ac7efd743eee5e6004ab35bbad6c64a9280fa6ebea26f Greeny_#3578 50000000 0x5c85d808ce379ba504a346508c878f72080ded0aa8b0df48b8eb2966d47a0a72 -
2298838662  6 offer-accept offer_accepted 0xdb7392368c123f65922ba55c82cafab598aeea93ba83f8d217ef3a0093be54bf @0x9d9ae026d65ad917bffcc6984370468e751ec3e9cd7a69f114c8a58c34d408b7 0x496627a8924237cbcf4ac7efd743eee5e6004ab35bbad6c64a9280fa6ebea26f @Greeny_#3578 10000000 0x5c85d808ce379ba504a346508c878f72080ded0aa8b0df48b8eb2966d47a0a72 0x4d575e42589f77401881170b9038fa0332fc8a40dd77bf260bf10023591ae891
2386021136  4 collection-offer-accept offer_accepted 0xe3c39dbed236c7ddcf847f9734baf8168911babd8384f17538102b17ab156bd 0xae91e12aadaaa2d0e45a2f3dea52befe42002977e038edf53d15dbc298d64d89 0x1cad42fedce28de2e45b1de11e26abe0d540edae729341135388cdbec4b8262d BIT_#3524 20630000 0x756e65ad425f2baf916afb562c21a259ad3bf65f7bee439a562e03251859cf90 0x8c557bb0a12d47c1eda90dd4883b44674111b915fa39ff862e6a0a39140dcd4
2386133936  1 offer offer_made 0x892b542fbc8724a065e3c1138b637712ab063ab8db92680ef2533121b8fba172 - 0xfa0f4628e8737fe9149070e0aa5801a4c0c872f519fa622c363c7f397cf38229 - 3000000000 - 0xf05f4dbe6ad3dfe4b626751b2bd7e5b9da81fe8b4dc63e56adb03d329559a202
2386142672  1 offer-cancel offer_cancelled 0x892b542fbc8724a065e3c1138b637712ab063ab8db92680ef2533121b8fba172 - 0xfa0f4628e8737fe9149070e0aa5801a4c0c872f519fa622c363c7f397cf38229 - 3000000000 - 0xf05f4dbe6ad3dfe4b626751b2bd7e5b9da81fe8b4dc63e56adb03d329559a202
2386455218  7 buy bought 0xf0d4a40c5c2e9806e464b45e5c0d04545a52f44459568cbc163bec1211aaf7df 0xdf7175d95f236ac3f9fb581645498857bc42f90ff030527bcefe30c1558a6eac 0x2d3df7ab1e81459bf92e65cace8b8986da3c91be8d10029d1cd156edfb2317d5 @Ice_Blue_#1397 164860000 0xb4576a3ec891f0508aedf9b907391e8aa2e467704f321a615cae8c8c730db76f @0x27e8e9a9ebadb462322bca29352c3a0d24f5b80caa03a529cb71a69b6a09c374
2386455218 15 buy bought 0x266aec1520a09e07ca8b831bbe6da9d419e259e8cc84e79e3d44c2051403c8cb 0xdf7175d95f236ac3f9fb581645498857bc42f90ff030527bcefe30c1558a6eac 0xc473007e12bdeec420c383127a77e83236731aa22174f2af94a1476183644f35 @Ice_Blue_#2577 164900000 0xeea7e965045cd02bed0649694c2c7e1e60a68ffc600c55a8af7df5f27157c0e7 @0x27e8e9a9ebadb462322bca29352c3a0d24f5b80caa03a529cb71a69b6a09c374
2386455218 23 buy bought 0xf0d4384157e8c7caac07e0866c4c65fa9df8151c329edf58b825ff7e9b72baf8 0xdf7175d95f236ac3f9fb581645498857bc42f90ff030527bcefe30c1558a6eac 0x9e5d1a8c276e1153bacfc46a94b417b9d2effb62baca30000d5e419ad7e53885 @Ice_Blue_#1890 165000000 0x8c557bb0a12d47c1eda90dd4883b44674111b915fa39ff862e6a0a39140dcd4 @0x27e8e9a9ebadb462322bca29352c3a0d24f5b80caa03a529cb71a69b6a09c374
2386455218 31 buy bought 0xd14be2c5e5a6f5b0c1181c4d2f28b84511a1abed28eb49c88a7c67b248bd2d9d 0xdf7175d95f236ac3f9fb581645498857bc42f90ff030527bcefe30c1558a6eac 0xe0ad60b5be1a160e19257812c19a0a347d443500bdf8ec442cfe5f820169de59 @Ice_Blue_#1388 166240000 0x8c557bb0a12d47c1eda90dd4883b44674111b915fa39ff862e6a0a39140dcd4 @0x27e8e9a9ebadb462322bca29352c3a0d24f5b80caa03a529cb71a69b6a09c374
2386716658  1 delist delisted 0xe2e50b7366c7a5e5f7b6ec024465b4444f02bd0b3eed5c9d4fdfe98236f85555 0x30e2f18b1f9c447e7dadd7a05966e721ab6512b81ee977cb053edb86cc1b1d65 0xf8ad2d07e1df7dfb81a63784c102996c391b040a62b8bb6e181fd649ef688218 veCELL 300000000 0x7650b060223321d2a7a409abaca386b7e104910878bb5c463f0cbd727561f1ce -
2386809975  1 list listed 0x3929540e32fb063ddf7fecb764c914493d2844978621767b9f013326093258eb 0x7b4cd01cc85280139fbf2a11dd929a073febeba767d74904d0c691d68b74f321 0x826cb695c5748ae84e9ed87902e9b214058d7b7589b32bcc48c30bdfe89f03e7 The_Baptmen_#1385 119000000 0xc24b9ea285e953bbf7470309b879bc60d5a68e71e2f2c17be047c3f74664e82b -
2386809975  5 list listed 0x6db18abc2ba8fb386af8bc9e6d35ef88256a25fcc9cbbfffb0d785be1f64fa8c 0x7b4cd01cc85280139fbf2a11dd929a073febeba767d74904d0c691d68b74f321 0x78d80871a136e75a0cde6b3ff0f45bc8e4c78f29e990b58947e49a1eecaaf6bf The_Baptmen_#1745 119000000 0xc24b9ea285e953bbf7470309b879bc60d5a68e71e2f2c17be047c3f74664e82b -
2386889884  1 collection-offer-cancel offer_cancelled 0x2b040f0a6dcf7a2dc0bf2c0e0cfe962983038ab3df4211daba31d5f8d7a005d7 0xa2485c3b392d211770ed161e73a1097d21016c7dd41f53592434380b2aa14cba - - 2726630000 - 0x8c557bb0a12d47c1eda90dd4883b44674111b915fa39ff862e6a0a39140dcd4
2386891051  1 collection-offer offer_made 0xe06d17630ff3fd295fcc1b83dc023187de07bb79118998ea17d0873a34150f84 0xa2485c3b392d211770ed161e73a1097d21016c7dd41f53592434380b2aa14cba - - 2759990000 - 0x8c557bb0a12d47c1eda90dd4883b44674111b915fa39ff862e6a0a39140dcd4`

// TestAgreesWithAnotherIndexer compares every event of every recorded transaction.
func TestAgreesWithAnotherIndexer(t *testing.T) {
	var got, want []markets.Event
	for _, tx := range recorded(t) {
		got = append(got, decodeAll(t, tx)...)
	}
	for line := range strings.Lines(strings.TrimSpace(oracle)) {
		want = append(want, expected(t, strings.Fields(strings.ReplaceAll(line, "@", ""))))
	}
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i := range want {
		got[i].Seq, got[i].Transaction = 0, "" // not the oracle's
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("\n got %+v\nwant %+v", got[i], want[i])
		}
	}
}

// decodeAll decodes the transaction with every stream, in order of position.
func decodeAll(t testing.TB, tx transaction) (all []markets.Event) {
	t.Helper()
	for _, s := range tradeport(t).Streams {
		events, failures := s.DecodeAll(tx.raws(t, account+"::"+types[s.Name]))
		for _, f := range failures {
			t.Errorf("version %s, %s: %v", tx.Version, s.Name, f.Reason)
		}
		all = append(all, events...)
	}
	slices.SortFunc(all, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	return all
}

// expected is the event of a line of the oracle.
func expected(t testing.TB, f []string) markets.Event {
	t.Helper()
	value := func(i int) string { return strings.ReplaceAll(strings.TrimPrefix(f[i], "-"), "_", " ") }
	address := func(i int) string {
		if f[i] == "-" {
			return ""
		}
		return "0x" + strings.Repeat("0", 64-len(f[i][2:])) + f[i][2:]
	}
	e := markets.Event{
		Position: markets.Position{Height: number(t, f[0]), Log: int32(number(t, f[1]))},
		Stream:   f[2], Kind: markets.Kind(f[3]), Order: address(4),
		Token:    markets.Token{Collection: address(5), ID: address(6), Name: value(7), Standard: markets.AptosObject},
		Quantity: "1", Price: markets.Amount(f[8]),
		Currency: markets.Currency{Address: "0x1::aptos_coin::AptosCoin", Symbol: "APT", Decimals: 8},
		Contract: "0xe11c12ec495f3989c35e1c6a0af414451223305b579291fc8f3d9d0575a23c26",
	}
	seller, buyer := address(9), address(10)
	e.Side, e.Maker, e.Taker = markets.Ask, seller, buyer
	if strings.Contains(f[2], "offer") {
		e.Side, e.Maker, e.Taker = markets.Bid, buyer, seller
	}
	if e.Kind.Sale() {
		e.From, e.To = seller, buyer
	}
	return e
}

// TestBuyersPayThePrice compares the price of each recorded sale with what the
// marketplace, the creator and the seller were paid for it.
func TestBuyersPayThePrice(t *testing.T) {
	sales := 0
	for _, tx := range recorded(t) {
		var paid markets.Amount
		events := decodeAll(t, tx)
		for i, raw := range tx.Events {
			if raw.Type == "0x1::coin::DepositEvent" {
				var deposit struct{ Amount markets.Amount }
				if err := json.Unmarshal(raw.Data, &deposit); err != nil {
					t.Fatal(err)
				}
				paid = paid.Plus(deposit.Amount)
			}
			for _, e := range events {
				if int(e.Position.Log) != i || !e.Kind.Sale() {
					continue
				}
				if sales++; paid != e.Price {
					t.Errorf("version %s, event %d: %s paid, price %s", tx.Version, i, paid, e.Price)
				}
				paid = ""
			}
		}
	}
	if sales != 8 {
		t.Errorf("%d sales, recorded are 8", sales)
	}
}

// TestHandles compares the streams' event handles with those that the recorded
// resources hold.
func TestHandles(t *testing.T) {
	held := map[string]bool{}
	for _, tx := range recorded(t) {
		for _, c := range tx.Changes {
			var fields map[string]json.RawMessage
			if c.Address == account && strings.HasPrefix(c.Data.Type, account) && json.Unmarshal(c.Data.Data, &fields) == nil {
				for field := range fields {
					held[c.Address+"/"+c.Data.Type+"/"+field] = true
				}
			}
		}
	}
	for _, s := range tradeport(t).Streams {
		if handle := s.Source.Account + "/" + s.Source.Handle + "/" + s.Source.Field; !held[handle] {
			t.Errorf("no handle %s", handle)
		}
	}
}

const listing = `{"listing":{"inner":"0x1"},"price":"5","seller":"0x2","buyer":"0x3","timestamp":"0","token":{"inner":"0x4"}}`

func buyStream(t testing.TB) markets.Stream {
	t.Helper()
	for _, s := range tradeport(t).Streams {
		if s.Name == "buy" {
			return s
		}
	}
	t.Fatal("no stream buy")
	return markets.Stream{}
}

func rawBuy(log int32, data string) markets.Raw {
	return markets.Raw{Position: markets.Position{Height: 1, Log: log}, Type: account + "::" + types["buy"], JSON: json.RawMessage(data)}
}

// What cannot be read is a failure, and the rest is decoded all the same.
func TestFailures(t *testing.T) {
	for name, spoil := range map[string]func(*markets.Raw){
		"another type":    func(r *markets.Raw) { r.Type = account + "::" + types["delist"] },
		"no data":         func(r *markets.Raw) { r.JSON = nil },
		"no JSON":         func(r *markets.Raw) { r.JSON = r.JSON[:20] },
		"no order":        func(r *markets.Raw) { replace(r, `"listing":{"inner":"0x1"},`, ``) },
		"no price":        func(r *markets.Raw) { replace(r, `"price":"5",`, ``) },
		"negative price":  func(r *markets.Raw) { replace(r, `"5"`, `"-5"`) },
		"price a text":    func(r *markets.Raw) { replace(r, `"5"`, `"five"`) },
		"no seller":       func(r *markets.Raw) { replace(r, `"seller":"0x2",`, ``) },
		"no buyer":        func(r *markets.Raw) { replace(r, `"buyer":"0x3",`, ``) },
		"no token":        func(r *markets.Raw) { replace(r, `{"inner":"0x4"}`, `{}`) },
		"long address":    func(r *markets.Raw) { replace(r, `0x2`, `0x`+strings.Repeat("2", 65)) },
		"address of what": func(r *markets.Raw) { replace(r, `0x2`, `0xyz`) },
		"address empty":   func(r *markets.Raw) { replace(r, `0x2`, `0x`) },
		"address bare":    func(r *markets.Raw) { replace(r, `0x2`, `2`) },
	} {
		t.Run(name, func(t *testing.T) {
			raws := []markets.Raw{rawBuy(0, listing), rawBuy(1, listing), rawBuy(2, listing)}
			spoil(&raws[1])
			events, failures := buyStream(t).DecodeAll(raws)
			if len(events) != 2 || len(failures) != 1 || failures[0].Raw.Position.Log != 1 {
				t.Fatalf("%d events, failures %v", len(events), failures)
			}
		})
	}
}

func replace(r *markets.Raw, from, to string) {
	r.JSON = json.RawMessage(strings.Replace(string(r.JSON), from, to, 1))
}

// Whatever a node sends, a decoder does not panic, loses nothing, and makes one event or one
// failure of each raw event, at its position.
func TestAnyInput(t *testing.T) {
	txs := recorded(t)
	rapid.Check(t, func(rt *rapid.T) {
		tx := rapid.SampledFrom(txs).Draw(rt, "transaction")
		for _, s := range tradeport(t).Streams {
			raws := tx.raws(t, account+"::"+types[s.Name])
			raws = append(raws, markets.Raw{Position: markets.Position{Height: 1}, Type: account + "::" + types[s.Name],
				JSON: rapid.SampledFrom([]json.RawMessage{nil, []byte("null"), []byte("[]"), []byte("{}"), []byte(`{"token":null}`)}).Draw(rt, "JSON")})
			for i := range raws {
				raws[i].JSON = spoilt(rt, raws[i].JSON)
			}
			events, failures := s.DecodeAll(raws)
			left := map[markets.Position]bool{}
			for _, raw := range raws {
				left[raw.Position] = true
			}
			for _, e := range events {
				if !left[e.Position] || e.Order == "" || e.Maker == "" || !e.Price.Known() {
					rt.Fatalf("%s: event of nothing: %+v", s.Name, e)
				}
				delete(left, e.Position)
			}
			for _, f := range failures {
				if !left[f.Raw.Position] || strings.Contains(f.Reason.Error(), "panicked") {
					rt.Fatalf("%s: %v", s.Name, f.Reason)
				}
				delete(left, f.Raw.Position)
			}
			if len(left) != 0 {
				rt.Fatalf("%s: nothing of %v", s.Name, left)
			}
		}
	})
}

// spoilt is data with some bytes changed, or cut off.
func spoilt(t *rapid.T, data json.RawMessage) json.RawMessage {
	data = slices.Clone(data)
	for range rapid.IntRange(0, 2).Draw(t, "spoilt") {
		if len(data) > 0 {
			data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
	}
	if len(data) > 0 && rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
		data = data[:rapid.IntRange(0, len(data)-1).Draw(t, "length")]
	}
	return data
}

func BenchmarkBought(b *testing.B) {
	var raws []markets.Raw
	for _, tx := range recorded(b) {
		raws = append(raws, tx.raws(b, account+"::"+types["buy"])...)
	}
	s := buyStream(b)
	for b.Loop() {
		s.DecodeAll(raws)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(raws)), "ns/event")
}

// Neither a bid for a token nor its transaction tells the token's collection: it is unknown,
// not inferred, until the bid is accepted.
func TestCollectionOfATokenBid(t *testing.T) {
	const bid, token, collection = "0x00000000000000000000000000000000000000000000000000000000000000b1", "0x00000000000000000000000000000000000000000000000000000000000000e1", "0x00000000000000000000000000000000000000000000000000000000000000c1"
	m := tradeport(t)
	decode := func(stream string, height int64, resources ...markets.AptosResource) markets.Event {
		i := slices.IndexFunc(m.Streams, func(s markets.Stream) bool { return s.Name == stream })
		events, failures := m.Streams[i].DecodeAll([]markets.Raw{{
			Position: markets.Position{Height: height}, Type: account + "::" + types[stream], Ledger: &markets.AptosTransaction{Version: height, Resources: resources},
			JSON: json.RawMessage(`{"bid": {"inner": "` + bid + `"}, "token": {"inner": "` + token + `"}, "bid_buyer": "0xa1", "bid_seller": "0xa2", "price": "5"}`),
		}})
		if len(failures) > 0 {
			t.Fatal(failures[0].Reason)
		}
		return events[0]
	}
	made := decode("offer", 1)
	accepted := decode("offer-accept", 2, markets.AptosResource{Address: token, Type: "0x4::token::Token", Data: json.RawMessage(`{"collection": {"inner": "` + collection + `"}, "name": "Beast"}`)})
	open, _ := markets.FoldOrder("aptos", "tradeport", bid, []markets.Event{made})
	if open.Status != markets.Listing || open.Token != (markets.Token{ID: token, Standard: markets.AptosObject}) {
		t.Errorf("the bid is %+v", open)
	}
	sold, _ := markets.FoldOrder("aptos", "tradeport", bid, []markets.Event{made, accepted})
	if sold.Status != markets.Sold || sold.Token != (markets.Token{ID: token, Collection: collection, Name: "Beast", Standard: markets.AptosObject}) {
		t.Errorf("the accepted bid is %+v", sold)
	}
}
