package definition_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition"
)

const nonces = `market: nonces
kind: evm
chains: {one: {chainId: 1, contracts: {main: "0x00000000000000000000000000000000000000aa"}}}
abi:
  - event Sold(bytes32 orderHash, uint256 orderNonce, address indexed maker, address taker, uint256 price)
  - event CancelAllOrders(address indexed user, uint256 newMinNonce)
  - event CancelMultipleOrders(address indexed user, uint256[] orderNonces)
  - event AsksCancelled(address indexed user)
streams:
  buy:
    event: Sold
    becomes:
      - {kind: bought, order: orderHash, nonce: orderNonce, maker: maker, taker: taker, price: price, currency: coin}
      - {kind: orders_cancelled, maker: maker, nonce: orderNonce}
  cancel:
    - {event: CancelAllOrders, becomes: {kind: orders_cancelled, maker: user, below: newMinNonce}}
    - {event: CancelMultipleOrders, becomes: {for: orderNonces, kind: orders_cancelled, maker: user, nonce: item}}
    - {event: AsksCancelled, becomes: {kind: orders_cancelled, side: ask, maker: user}}
`

// A definition says of which orders a cancellation is.
func TestCancellationsByNonce(t *testing.T) {
	d, err := definition.Parse(definition.Source{File: "nonces.yaml", Text: []byte(nonces)})
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.On(definition.Site{ChainID: 1})
	if err != nil {
		t.Fatal(err)
	}
	contract, maker := common.HexToAddress("0xaa"), common.HexToAddress("0xbb")
	logs := markettest.Transaction(7,
		markettest.Log(t, contract, "event Sold(bytes32,uint256,address indexed,address,uint256)", [32]byte{1}, 5, maker, common.Address{}, 10),
		markettest.Log(t, contract, "event CancelAllOrders(address indexed,uint256)", maker, 9),
		markettest.Log(t, contract, "event CancelMultipleOrders(address indexed,uint256[])", maker, bigs("0", "340282366920938463463374607431768211456")),
		markettest.Log(t, contract, "event AsksCancelled(address indexed)", maker),
	)
	var got []string
	for _, s := range m.Streams {
		var own []markets.Raw
		for _, log := range logs {
			if s.Source.Matches(&log) {
				own = append(own, log)
			}
		}
		events, failures := s.DecodeAll(own)
		for _, f := range failures {
			t.Error(f.Reason)
		}
		for _, e := range events {
			if e.Maker != maker.Hex() || e.Contract != contract.Hex() {
				t.Errorf("%+v", e)
			}
			got = append(got, fmt.Sprintf("%s side %q nonce %q below %q", e.Kind, e.Side, e.Nonce, e.Below))
		}
	}
	want := `bought side "ask" nonce "5" below ""
orders_cancelled side "" nonce "5" below ""
orders_cancelled side "" nonce "" below "9"
orders_cancelled side "" nonce "0" below ""
orders_cancelled side "" nonce "340282366920938463463374607431768211456" below ""
orders_cancelled side "ask" nonce "" below ""`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// Fields that contradict each other are reported where they are.
func TestContradictoryCancellations(t *testing.T) {
	for change, want := range map[string]string{
		"below: newMinNonce, nonce: newMinNonce": "below: belongs to orders_cancelled",
		"below: newMinNonce, order: newMinNonce": "order: orders_cancelled is not of one order",
		"below: user":                            "is a text where a number is needed",
	} {
		_, err := definition.Parse(definition.Source{File: "nonces.yaml", Text: []byte(strings.Replace(nonces, "below: newMinNonce", change, 1))})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", change, err, want)
		}
	}
	text := strings.Replace(nonces, "kind: bought, order: orderHash, nonce", "kind: bought, order: orderHash, below", 1)
	if _, err := definition.Parse(definition.Source{File: "nonces.yaml", Text: []byte(text)}); err == nil || !strings.Contains(err.Error(), "below: belongs to orders_cancelled") {
		t.Errorf("below of a sale: %v", err)
	}
}

func bigs(texts ...string) (out []*big.Int) {
	for _, text := range texts {
		n, _ := new(big.Int).SetString(text, 10)
		out = append(out, n)
	}
	return out
}
