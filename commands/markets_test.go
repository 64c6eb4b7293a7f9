package commands

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/imart/event-worker/markets/catalogue"
)

func TestMarketsListAndShow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := output(t, dir, "markets", "list")
	for _, d := range catalogue.All() {
		name := d.Market
		if !strings.Contains(list, "\n"+name+" ") {
			t.Errorf("markets list does not name %s:\n%s", name, list)
		}
		file := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(file, []byte(output(t, dir, "markets", "show", name)), 0o600); err != nil {
			t.Fatal(err)
		}
		if text := output(t, dir, "markets", "check", file); !strings.Contains(text, "market "+name+" ") {
			t.Errorf("what markets show prints of %s: %s", name, text)
		}
	}
}

// Each problem is one line with its place, and says what there is instead.
func TestMarketsCheck(t *testing.T) {
	t.Parallel()
	const sound = `market: shop
kind: evm
chains:
  home: {chainId: 7, start: 5, contracts: {shop: "0x00000000000000000000000000000000000000aa"}}
abi:
  - event Sold(uint256 indexed id, address seller, address buyer, uint256 price, string note)
streams:
  buy:
    - event: Sold
      becomes:
        kind: bought
        order: '"ask-" + id'
        maker: seller
        taker: buyer
        price: price
        currency: coin
`
	for name, c := range map[string]struct{ from, to, want string }{
		"unknown field":       {"maker: seller", "marker: seller", "13:9: streams.buy[0].becomes.marker: unknown option (did you mean maker?)"},
		"unknown name":        {"maker: seller", "maker: seler", "13:16: streams.buy[0].becomes.maker: unknown name seler: there are"},
		"wrong type":          {"price: price", "price: note", "15:16: streams.buy[0].becomes.price: is a text where a number is needed"},
		"wrong operands":      {`'"ask-" + id'`, `seller * 2`, "12:"},
		"unknown event":       {"event: Sold", "event: Sole", "9:14: streams.buy[0].event: unknown event Sole (did you mean Sold?): abi has Sold"},
		"constant key":        {`'"ask-" + id'`, `'"ask"'`, "12:16: streams.buy[0].becomes.order: the key is the same for all orders"},
		"no key":              {"        order: '\"ask-\" + id'\n", "", "order is missing"},
		"unknown kind":        {"kind: bought", "kind: brought", "11:15: streams.buy[0].becomes.kind: unknown value \"brought\" (did you mean bought?)"},
		"no currency":         {"        currency: coin\n", "", "currency is missing"},
		"mistyped address":    {"0x00000000000000000000000000000000000000aa", "0x00000000000000000000000000000000000000aA", "typing error"},
		"bad event":           {"uint256 price, string", "uint257 price, string", "6:5: abi"},
		"clock":               {"price: price", "price: now()", "15:"},
		"loop in a loop":      {"maker: seller", "maker: 'any([1], any([2], true)) ? seller : buyer'", "one loop inside another"},
		"syntax of a formula": {"price: price", "price: price +", "15:"},
		"no YAML":             {"kind: evm", "kind: [evm", "shop.yaml:3:1: not valid YAML: ',' or ']' must be specified"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "shop.yaml")
			if !strings.Contains(sound, c.from) {
				t.Fatal("nothing to spoil")
			}
			if err := os.WriteFile(file, []byte(strings.Replace(sound, c.from, c.to, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, stderr, code := result(t, dir, nil, "markets", "check", "shop.yaml")
			if code != 1 || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "shop.yaml:") {
				t.Errorf("exit code %d, %s\nwant %s", code, stderr, c.want)
			}
		})
	}
}

func TestMarketsTestOnARecording(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	recording, err := filepath.Abs("../testdata/transactions/aavegotchi-buy-erc721.json")
	if err != nil {
		t.Fatal(err)
	}
	text := output(t, dir, "markets", "test", "aavegotchi", "--recording", recording)
	for _, part := range []string{`"kind": "bought"`, `"order": "erc721-268784"`, `"price": "685000000000000000000"`, `"status": "SOLD"`, `"chain": "polygon"`, ": nothing, no stream of aavegotchi reads it"} {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %s:\n%s", part, text)
		}
	}
	_, stderr, code := result(t, dir, nil, "markets", "test", "tradeport", "--recording", recording)
	if code != 1 || !strings.Contains(stderr, "from an evm chain") {
		t.Errorf("of another kind: exit code %d, %s", code, stderr)
	}
	_, stderr, code = result(t, dir, nil, "markets", "test", "seaport")
	if code != 1 || !strings.Contains(stderr, "--recording FILE, or --tx HASH") {
		t.Errorf("without a transaction: exit code %d, %s", code, stderr)
	}
}

// The same transaction by its version and by its hash, from a node of Aptos whose URL
// ends in /v1 or does not.
func TestMarketsTestOnAptos(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "aptos")
	const hash = "0xd355674fbeec72aa7ef36013e8fc19ac1d8ee516d800950057e1f06145362135"
	byVersion := output(t, t.TempDir(), "markets", "test", "tradeport", "--tx", "2386455218", "--endpoint", node.URL())
	for _, part := range []string{`"kind": "bought"`, `"name": "Ice Blue #1397"`, `"status": "SOLD"`, "type 0x1::coin::WithdrawEvent: nothing, no stream of tradeport reads it"} {
		if !strings.Contains(byVersion, part) {
			t.Errorf("it does not say %s:\n%s", part, byVersion)
		}
	}
	if byHash := output(t, t.TempDir(), "markets", "test", "tradeport", "--tx", hash, "--endpoint", strings.TrimSuffix(node.URL(), "/v1")); byHash != byVersion {
		t.Errorf("by hash\n%s\nby version\n%s", byHash, byVersion)
	}
	_, stderr, code := result(t, t.TempDir(), nil, "markets", "test", "tradeport", "--tx", strings.Replace(hash, "d", "e", 1), "--endpoint", node.URL())
	if code != 1 || !strings.Contains(stderr, "transaction_not_found") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// A transaction comes from a node, whose URL is never shown.
func TestMarketsTestOnANode(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	const sale = "0xd74ca23c89cef55c9824265c4cf9ab163abcb37730d2a0d3766396b4e915c3f8"
	text := output(t, t.TempDir(), "markets", "test", "seaport", "--tx", sale, "--endpoint", node.URL())
	for _, part := range []string{`"price": "67300000000000000"`, `"time": "2023-04-07T23:58:11Z"`} {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %s:\n%s", part, text)
		}
	}
	for _, url := range []string{node.URL() + "/s3cret", "http://127.0.0.1:1/s3cret", "s3cret"} {
		hash := strings.Replace(sale, "d", "e", 1)
		stdout, stderr, code := result(t, t.TempDir(), nil, "markets", "test", "seaport", "--tx", hash, "--endpoint", url)
		if code != 1 || strings.Contains(fmt.Sprint(stdout, stderr), "s3cret") {
			t.Errorf("%s: exit code %d, %s", url, code, stderr)
		}
	}
}

// The markets of the configuration's definitions are known by their names.
func TestMarketsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	node := recordedNode(t, "ethereum")
	dir := t.TempDir()
	define(t, dir, node.URL(), sales(t))
	if list := output(t, dir, "markets", "list"); !strings.Contains(list, "\nseaport-sales ") || !strings.Contains(list, "\ntradeport ") {
		t.Error(list)
	}
	if text := output(t, dir, "markets", "show", "seaport-sales"); text != sales(t) {
		t.Error(text)
	}
	elsewhere := t.TempDir()
	if text := output(t, elsewhere, "markets", "list", "--config", filepath.Join(dir, "event-worker.yaml")); !strings.Contains(text, "\nseaport-sales ") {
		t.Error(text)
	}
	const sale = "0xd74ca23c89cef55c9824265c4cf9ab163abcb37730d2a0d3766396b4e915c3f8"
	text := output(t, dir, "markets", "test", "seaport-sales", "--tx", sale, "--endpoint", node.URL())
	for _, part := range []string{", block 17000000, 2023-04-07 23:58:11 UTC: ", "OrderFulfilled of contract 0x0000", "Transfer of contract 0x", `"kind": "bought"`} {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %s:\n%s", part, text)
		}
	}
	if _, stderr, code := result(t, elsewhere, nil, "markets", "test", "seaport-sales", "--tx", sale, "--endpoint", node.URL()); code != 1 || !strings.Contains(stderr, `unknown market "seaport-sales"`) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	// What cannot be decoded is an error.
	define(t, dir, node.URL(), strings.Replace(sales(t), "quantity: offer[0].amount", "quantity: 1 / (offer[0].amount - 1)", 1))
	stdout, stderr, code := result(t, dir, nil, "markets", "test", "seaport-sales", "--tx", sale, "--endpoint", node.URL())
	if code != 1 || !strings.Contains(stdout, "nothing: it cannot be decoded: ") || !strings.Contains(stderr, "1 event cannot be decoded, see above") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	// A built-in market needs no sound configuration.
	define(t, dir, node.URL(), "market: [")
	if text := output(t, dir, "markets", "test", "seaport", "--tx", sale, "--endpoint", node.URL()); !strings.Contains(text, `"kind": "bought"`) {
		t.Error(text)
	}
	if _, stderr, code := result(t, dir, nil, "markets", "list"); code != 1 || !strings.Contains(stderr, "sales.yaml:") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// A bulk cancel closes the orders of its maker that a recording has before it.
func TestMarketsTestShowsBulkCancels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const shop = `market: shop
kind: evm
chains:
  home: {chainId: 7, contracts: {shop: "0x00000000000000000000000000000000000000aa"}}
abi: |
  event Listed(uint256 indexed id, address indexed seller)
  event AllCancelled(address indexed seller)
streams:
  list:
    - event: Listed
      becomes: {kind: listed, order: '"ask-" + id', maker: seller}
  cancel:
    - event: AllCancelled
      becomes: {kind: orders_cancelled, maker: seller}
`
	log := func(transaction, index int, topics string) string {
		return fmt.Sprintf(`{"address":"0x00000000000000000000000000000000000000aa","topics":[%s],"data":"0x","blockNumber":"0x%x","blockHash":"0x%064x","transactionHash":"0x%064x","transactionIndex":"0x0","logIndex":"0x%x"}`, topics, transaction, transaction, transaction, index)
	}
	topic := func(signature string) string { return fmt.Sprintf("%q", crypto.Keccak256Hash([]byte(signature))) }
	word := func(n int) string { return fmt.Sprintf(`"0x%064x"`, n) }
	listed, cancelled := topic("Listed(uint256,address)"), topic("AllCancelled(address)")
	logs := []string{
		log(1, 0, strings.Join([]string{listed, word(1), word(0xa11ce)}, ",")), log(1, 1, strings.Join([]string{listed, word(2), word(0xb0b)}, ",")),
		log(2, 0, strings.Join([]string{cancelled, word(0xa11ce)}, ",")),
	}
	for name, text := range map[string]string{"shop.yaml": shop, "logs.json": "[" + strings.Join(logs, ",") + "]"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := output(t, dir, "markets", "test", "shop.yaml", "--recording", "logs.json")
	if strings.Count(text, `"status": "CANCELED"`) != 1 || strings.Count(text, `"status": "LISTING"`) != 1 || !strings.Contains(text, "at a time that its answer does not say") {
		t.Error(text)
	}
}
