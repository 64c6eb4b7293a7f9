package signature

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/imart/event-worker/markets/seaport"
)

// Whatever a text is: a problem, or an order that is read the same when it is written
// again, whose hash is that of the other implementation, and whose signature has a verdict.
func FuzzParse(f *testing.F) {
	for _, fixture := range fixtures(f, "plain", "compact", "seaport-js", "bulk", "contract") {
		f.Add([]byte(fixture.Order))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := Parse(text)
		if err != nil {
			if _, ok := errors.AsType[*Problem](err); !ok || len(err.Error()) > 1000 {
				t.Fatal(err)
			}
			return
		}
		written := map[string]any{"parameters": o.Parameters, "signature": hexutil.Encode(o.Signature), "chain": o.Chain, "market": o.Market}
		if o.Contract != "" {
			written["contract"] = o.Contract
		}
		again, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		if read := parse(t, again); asText(read) != asText(o) || read.Contract != o.Contract || read.Hash() != o.Hash() {
			t.Fatalf("%+v, then %+v", o, read)
		}
		if hash, err := seaport.OrderHash(o.Parameters); err != nil || hash != o.Hash() {
			t.Fatalf("hash %s, and %s by package seaport, %v", o.Hash(), hash, err)
		}
		for _, version := range Versions() {
			if v := verify(t, o, Domain{Version: version, ChainID: 1}); v.Call != nil {
				_ = v.Call.Data()
			}
		}
	})
}
