package transactions

import (
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
)

// Events have the sender that their transaction's receipt says, and the value that the
// transaction says, if it is there.
func TestEnvelopeOfAReceipt(t *testing.T) {
	text, err := os.ReadFile("../../testdata/transactions/aavegotchi-buy-erc721.json")
	if err != nil {
		t.Fatal(err)
	}
	receipt := string(text)
	sender := common.HexToAddress("0xb9ad10b590bcd2b0db23d0005b2db0d53d9a1cf0")
	other := common.HexToAddress("0xdd")
	for name, c := range map[string]struct {
		text string
		want *markets.Envelope
	}{
		"a receipt":               {receipt, &markets.Envelope{Sender: sender}},
		"as a result":             {`{"result":` + receipt + `}`, &markets.Envelope{Sender: sender}},
		"without sender":          {strings.Replace(receipt, `"from":`, `"of":`, 1), nil},
		"with the transaction":    {`{"eth_getTransactionReceipt":` + receipt + `,"eth_getTransactionByHash":{"from":"` + other.Hex() + `","value":"0x7"}}`, &markets.Envelope{Sender: other, Value: "7"}},
		"with a wrong one":        {`{"eth_getTransactionReceipt":` + receipt + `,"eth_getTransactionByHash":{"value":"7"}}`, nil},
		"with one without sender": {`{"eth_getTransactionReceipt":` + receipt + `,"eth_getTransactionByHash":{}}`, &markets.Envelope{Sender: sender}},
	} {
		all, err := Parse([]byte(c.text))
		if name == "with a wrong one" {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			continue
		}
		if err != nil || len(all) != 1 || len(all[0].Raws) == 0 {
			t.Fatalf("%s: %d transactions, %v", name, len(all), err)
		}
		for _, raw := range all[0].Raws {
			if got := raw.Envelope; (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
		}
	}
}
