package replay_test

import (
	"io"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
)

// orderValidated is the event's topic since Seaport 1.2, as block explorers show it.
var orderValidated = common.HexToHash("0xf280791efe782edcf06ce15c8f4dff17601db3b88eb3805a0db7d77faf757f04")

type (
	spent struct {
		Kind         uint8
		Token        common.Address
		Id, Low, Top *big.Int
	}
	received struct {
		Kind         uint8
		Token        common.Address
		Id, Low, Top *big.Int
		To           common.Address
	}
	listedOrder struct {
		Hash  [32]byte
		Order struct {
			Offerer, Zone common.Address
			Offer         []spent
			Wanted        []received
			Kind          uint8
			Start, End    *big.Int
			ZoneHash      [32]byte
			Salt          *big.Int
			Conduit       [32]byte
			Total         *big.Int
		}
	}
	soldOrder struct {
		Hash  [32]byte
		Buyer common.Address
		Offer []struct {
			Kind       uint8
			Token      common.Address
			Id, Amount *big.Int
		}
		Paid []struct {
			Kind       uint8
			Token      common.Address
			Id, Amount *big.Int
			To         common.Address
		}
	}
)

// terms are what a listing and its sale must agree on.
type terms struct {
	maker, token     common.Address
	id, price, fee   string
	feeTo, proceedTo common.Address
}

func TestSyntheticSalesAgreeWithTheirListings(t *testing.T) {
	const listings, sales = 401, 200
	n := replaytest.Serve(t, replay.Synthetic(listings, sales))
	client := dial(t, n)
	seaport := seaportInShort(t)
	logs := func(topic common.Hash) []types.Log {
		t.Helper()
		found, err := client.FilterLogs(t.Context(), ethereum.FilterQuery{
			FromBlock: big.NewInt(0), ToBlock: big.NewInt(n.Head()), Topics: [][]common.Hash{{topic}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	listed := map[common.Hash]terms{}
	for _, l := range logs(orderValidated) {
		e := unpack[listedOrder](t, seaport, "OrderValidated", l)
		offer, wanted := e.Order.Offer[0], e.Order.Wanted
		listed[e.Hash] = terms{e.Order.Offerer, offer.Token, offer.Id.String(), wanted[0].Low.String(), wanted[1].Low.String(), wanted[1].To, wanted[0].To}
		if wanted[0].Top.Cmp(wanted[0].Low) != 0 || wanted[0].To != e.Order.Offerer || offer.Kind != 2 || wanted[0].Kind != 0 {
			t.Fatalf("listed %+v", e)
		}
	}
	if len(listed) != listings {
		t.Errorf("%d different orders listed, want %d", len(listed), listings)
	}
	sold := map[common.Hash]bool{}
	for _, l := range logs(orderFulfilled) {
		e := unpack[soldOrder](t, seaport, "OrderFulfilled", l)
		maker := common.BytesToAddress(l.Topics[1].Bytes())
		got := terms{maker, e.Offer[0].Token, e.Offer[0].Id.String(), e.Paid[0].Amount.String(), e.Paid[1].Amount.String(), e.Paid[1].To, e.Paid[0].To}
		if want := listed[e.Hash]; got != want {
			t.Fatalf("sold as %+v, listed as %+v", got, want)
		}
		if e.Buyer == maker {
			t.Fatalf("%s buys from itself", maker)
		}
		sold[e.Hash] = true
	}
	if len(sold) != sales {
		t.Errorf("%d different orders sold, want %d", len(sold), sales)
	}
	if final := n.Head() - 64; final != 3+1 {
		t.Errorf("final block %d, want the last one with logs", final)
	}
}

func unpack[T any](t *testing.T, seaport abi.ABI, name string, l types.Log) T {
	t.Helper()
	var out T
	if err := seaport.UnpackIntoInterface(&out, name, l.Data); err != nil {
		t.Fatal(err)
	}
	return out
}

// seaportInShort is a second writing of the two events' ABI, in this file's words.
func seaportInShort(t *testing.T) abi.ABI {
	t.Helper()
	list := func(name string, fields ...string) string {
		return `{"name":"` + name + `","type":"tuple[]","components":[` + strings.Join(fields, ",") + `]}`
	}
	field := func(name, kind string) string { return `{"name":"` + name + `","type":"` + kind + `"}` }
	item := []string{field("kind", "uint8"), field("token", "address"), field("id", "uint256")}
	ranged := append(item[:3:3], field("low", "uint256"), field("top", "uint256"))
	exact := append(item[:3:3], field("amount", "uint256"))
	text := `[{"type":"event","name":"OrderValidated","inputs":[` + field("hash", "bytes32") + `,{"name":"order","type":"tuple","components":[` +
		strings.Join([]string{
			field("offerer", "address"), field("zone", "address"), list("offer", ranged...), list("wanted", append(ranged[:5:5], field("to", "address"))...),
			field("kind", "uint8"), field("start", "uint256"), field("end", "uint256"), field("zoneHash", "bytes32"),
			field("salt", "uint256"), field("conduit", "bytes32"), field("total", "uint256"),
		}, ",") + `]}]},{"type":"event","name":"OrderFulfilled","inputs":[` +
		strings.Join([]string{
			field("hash", "bytes32"), field("buyer", "address"), list("offer", exact...), list("paid", append(exact[:4:4], field("to", "address"))...),
		}, ",") + `]}]`
	parsed, err := abi.JSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// Blocks, receipts and filters of the synthetic chain agree with one another.
func TestSyntheticIsAWholeChain(t *testing.T) {
	n := replaytest.Serve(t, replay.Synthetic(250, 10))
	client := dial(t, n)
	c := client.Client()
	seen := map[common.Hash]bool{}
	for number := int64(1); number <= 4; number++ {
		header := blockBy(t, c, "eth_getBlockByNumber", "0x"+strconv.FormatInt(number, 16))
		if again := blockBy(t, c, "eth_getBlockByHash", header.Hash.Hex()); again != header {
			t.Errorf("block %d: by hash %+v", number, again)
		}
		if header.ParentHash != blockBy(t, c, "eth_getBlockByNumber", "0x"+strconv.FormatInt(number-1, 16)).Hash {
			t.Errorf("block %d: not linked", number)
		}
		logs, err := client.FilterLogs(t.Context(), ethereum.FilterQuery{BlockHash: &header.Hash})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range logs {
			if l.BlockTimestamp != uint64(header.Time) {
				t.Fatalf("block %d: time %d, a log's %d", number, header.Time, l.BlockTimestamp)
			}
			if seen[l.TxHash] || l.BlockNumber != uint64(number) || l.BlockHash != header.Hash {
				t.Fatalf("block %d: log %+v", number, l)
			}
			seen[l.TxHash] = true
		}
		checkReceipts(t, client, recordedBlock{Number: number, Hash: header.Hash, Logs: logs})
	}
	if len(seen) != 260 {
		t.Errorf("%d logs, want 260", len(seen))
	}
}

// BenchmarkGetLogs reads all logs of the benchmark's chain, in ranges of 50
// blocks, and throws them away. It must be far faster than any pipeline.
func BenchmarkGetLogs(b *testing.B) {
	n := replaytest.Serve(b, replay.Synthetic(80_000, 40_000))
	logs := 0
	for b.Loop() {
		for from := int64(1); from <= 600; from += 50 {
			body := call("eth_getLogs", `[{"fromBlock":"0x`+strconv.FormatInt(from, 16)+`","toBlock":"0x`+strconv.FormatInt(from+49, 16)+
				`","address":"0x0000000000000068F116a894984e2DB1123eB395","topics":[["`+orderValidated.Hex()+`","`+orderFulfilled.Hex()+`"]]}]`)
			res, err := http.Post(n.URL(), "application/json", strings.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			size, err := io.Copy(io.Discard, res.Body)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(size * 12)
			_ = res.Body.Close()
		}
		logs += 120_000
	}
	b.ReportMetric(float64(logs)/b.Elapsed().Seconds(), "logs/s")
}
