package markets

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A dead letter shows its log to people as hex.
func TestRawLogIsReadable(t *testing.T) {
	raw := Raw{
		Position: Position{Height: 17, Transaction: 2, Log: 3}, Seq: 17, Block: "0xb1", Transaction: "0x7a",
		Time: time.Unix(1680911891, 0).UTC(), Address: [20]byte{0xab}, Topics: [][32]byte{{0xcd}}, Data: []byte{1, 0xff},
	}
	want := `{"position":{"height":17,"tx":2,"log":3,"sub":0},"seq":17,"block":"0xb1","transaction":"0x7a","time":"2023-04-07T23:58:11Z",` +
		`"address":"0xab` + strings.Repeat("0", 38) + `","topics":["0xcd` + strings.Repeat("0", 62) + `"],"data":"0x01ff"}`
	if got, err := json.Marshal(raw); err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

// An event of Aptos shows its data as the node returned it.
func TestRawAptosEventIsReadable(t *testing.T) {
	raw := Raw{
		Transaction: "0x7a", Time: time.Unix(1680911891, 0).UTC(), Type: "0x1::m::E", JSON: json.RawMessage(`{"price":"5"}`),
		Ledger: &AptosTransaction{Version: 9, Sender: "0x5", Resources: []AptosResource{{"0x1", "0x1::m::R", json.RawMessage(`{"n":1}`)}}},
	}
	want := `{"position":{"height":0,"tx":0,"log":0,"sub":0},"seq":0,"transaction":"0x7a","time":"2023-04-07T23:58:11Z","type":"0x1::m::E",` +
		`"ledger":{"version":9,"sender":"0x5","resources":[{"address":"0x1","type":"0x1::m::R","data":{"n":1}}]},"data":{"price":"5"}}`
	if got, err := json.Marshal(raw); err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

// An event that is cut says how much is left out, and the original is unchanged.
func TestRawIsCut(t *testing.T) {
	log := Raw{Data: []byte{1, 2, 3, 4}, ReceiptLogs: []Log{{Topics: make([][32]byte, 2), Data: make([]byte, 7)}}, Left: 1}
	if got := log.Cut(3); !bytes.Equal(got.Data, []byte{1, 2, 3}) || got.ReceiptLogs != nil || got.Left != 1+1+64+7 {
		t.Errorf("%+v", got)
	}
	if len(log.Data) != 4 || len(log.ReceiptLogs) != 1 {
		t.Errorf("%+v", log)
	}
	event := Raw{JSON: json.RawMessage(`"abc"`), Ledger: &AptosTransaction{Version: 9, Sender: "0x5", Resources: []AptosResource{{Data: json.RawMessage(`{}`)}}}}
	if got := event.Cut(9); string(got.JSON) != `"abc"` || got.Ledger.Version != 9 || got.Ledger.Resources != nil || got.Left != 2 || event.Ledger.Resources == nil {
		t.Errorf("%+v", got)
	}
}

// Whatever could not be decoded can be stored, and is the same when it is read back.
func TestRawReadsAsWritten(t *testing.T) {
	anyBytes := rapid.SliceOfN(rapid.Byte(), 0, 70)
	// Data as a node may give it: JSON of every type, and what is none.
	nodeJSON := rapid.Custom(func(t *rapid.T) json.RawMessage {
		return rapid.OneOf(
			rapid.SampledFrom([][]byte{nil, []byte(`{"a":[1,"<b>"]}`), []byte(`"0xab"`), []byte(`null`), []byte(`7`), []byte(`{"a"`)}),
			anyBytes,
		).Draw(t, "data")
	})
	rapid.Check(t, func(t *rapid.T) {
		raw := Raw{
			Position: Position{Height: rapid.Int64().Draw(t, "height"), Log: rapid.Int32().Draw(t, "log")},
			Seq:      rapid.Int64().Draw(t, "seq"), Block: rapid.StringMatching("(0x[0-9a-f]{4})?").Draw(t, "block"),
			Transaction: "0x7a", Time: time.Unix(rapid.Int64Range(0, 1<<37).Draw(t, "time"), 0).UTC(),
			Left: rapid.IntRange(0, 9).Draw(t, "left"),
		}
		if rapid.Bool().Draw(t, "evm") {
			copy(raw.Address[:], anyBytes.Draw(t, "address"))
			raw.Data = anyBytes.Draw(t, "data")
			for range rapid.IntRange(0, 2).Draw(t, "around") {
				raw.ReceiptLogs = append(raw.ReceiptLogs, Log{Index: rapid.Int32().Draw(t, "index"), Topics: [][32]byte{{1}}, Data: anyBytes.Draw(t, "beside")})
			}
			if rapid.Bool().Draw(t, "with envelope") {
				raw.Envelope = &Envelope{Value: rapid.SampledFrom([]Amount{"", "0", "1500000000000000000"}).Draw(t, "value")}
				copy(raw.Envelope.Sender[:], anyBytes.Draw(t, "sender"))
			}
			for range rapid.IntRange(0, 4).Draw(t, "topics") {
				var topic [32]byte
				copy(topic[:], anyBytes.Draw(t, "topic"))
				raw.Topics = append(raw.Topics, topic)
			}
		} else {
			raw.Type, raw.JSON = "0x1::m::E", nodeJSON.Draw(t, "JSON")
			if rapid.Bool().Draw(t, "with ledger") {
				raw.Ledger = &AptosTransaction{Version: 9, Sender: "0x5"}
				for range rapid.IntRange(0, 2).Draw(t, "resources") {
					raw.Ledger.Resources = append(raw.Ledger.Resources, AptosResource{"0x1", "0x1::m::R", nodeJSON.Draw(t, "resource")})
				}
			}
		}
		text, err := json.Marshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		var got Raw
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if got, want := normal(got), normal(raw); !reflect.DeepEqual(got, want) {
			t.Fatalf("\n got %+v\nwant %+v\n  in %s", got, want, text)
		}
	})
}

// normal is the event with its JSON without spaces and escapes, and nil for what is
// empty.
func normal(r Raw) Raw {
	if len(r.Data) == 0 {
		r.Data = nil
	}
	r.JSON = compact(r.JSON)
	if r.Ledger != nil {
		ledger := *r.Ledger
		ledger.Resources = append([]AptosResource(nil), ledger.Resources...)
		for i := range ledger.Resources {
			ledger.Resources[i].Data = compact(ledger.Resources[i].Data)
		}
		r.Ledger = &ledger
	}
	return r
}

func compact(data json.RawMessage) json.RawMessage {
	var out bytes.Buffer
	if len(data) == 0 {
		return nil
	}
	if json.Valid(data) {
		json.HTMLEscape(&out, data)
		data, out = bytes.Clone(out.Bytes()), bytes.Buffer{}
		_ = json.Compact(&out, data)
		return out.Bytes()
	}
	return data
}

func TestRawThatCannotBeRead(t *testing.T) {
	for name, text := range map[string]string{
		"no object":       `7`,
		"short address":   `{"address":"0xab","data":"0x"}`,
		"no hex":          `{"address":"0x` + strings.Repeat("z", 40) + `","data":"0x"}`,
		"no prefix":       `{"address":"` + strings.Repeat("0", 42) + `","data":"0x"}`,
		"short topic":     `{"address":"0x` + strings.Repeat("0", 40) + `","topics":["0x"],"data":"0x"}`,
		"odd data":        `{"address":"0x` + strings.Repeat("0", 40) + `","data":"0xabc"}`,
		"short sender":    `{"address":"0x` + strings.Repeat("0", 40) + `","data":"0x","envelope":{"sender":"0xab"}}`,
		"data no text":    `{"address":"0x` + strings.Repeat("0", 40) + `","data":{}}`,
		"data is missing": `{"address":"0x` + strings.Repeat("0", 40) + `"}`,
	} {
		var raw Raw
		if err := json.Unmarshal([]byte(text), &raw); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
