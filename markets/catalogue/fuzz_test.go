package catalogue

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/markets"
)

// Whatever logs have in their topics and data, every market's streams make events or
// failures of them, and each time the same.
func FuzzLogs(f *testing.F) {
	streams := streamsOf(f, markets.EVM)
	for _, tx := range recordedTransactions(f, "*.json") {
		for _, raw := range tx.Raws {
			if len(raw.Topics) == 0 {
				continue
			}
			for i, s := range streams {
				if slices.Contains(s.Source.Topics, common.Hash(raw.Topics[0]).Hex()) {
					f.Add(uint16(i), slices.Concat(sliced(raw.Topics)...), raw.Data)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, stream uint16, topics, data []byte) {
		s := streams[int(stream)%len(streams)]
		raw := markets.Raw{Block: "0xb10c", Transaction: "0x7a", Address: addressOf(s), Data: data, Envelope: &markets.Envelope{}}
		for len(topics) >= 32 && len(raw.Topics) < 4 {
			raw.Topics, topics = append(raw.Topics, [32]byte(topics)), topics[32:]
		}
		if s.Source.ReceiptLogs {
			raw.ReceiptLogs = []markets.Log{{Address: raw.Address, Topics: raw.Topics, Data: data}}
		}
		checkDecoded(t, s, raw)
	})
}

// Whatever the data of an event of Aptos are, likewise.
func FuzzAptosEvents(f *testing.F) {
	streams := streamsOf(f, markets.Aptos)
	for _, tx := range recordedTransactions(f, "aptos-*.json") {
		for _, raw := range tx.Raws {
			for i, s := range streams {
				name, _, _ := strings.Cut(raw.Type, "<")
				if at := slices.Index(s.Source.Types, name); at >= 0 {
					f.Add(uint16(i), uint8(at), []byte(raw.JSON))
				}
			}
		}
	}
	f.Add(uint16(0), uint8(0), []byte(`{}`))
	f.Fuzz(func(t *testing.T, stream uint16, eventType uint8, data []byte) {
		if !json.Valid(data) {
			return // chains/aptos passes valid JSON only
		}
		s := streams[int(stream)%len(streams)]
		raw := markets.Raw{Transaction: "0x7a", JSON: data, Ledger: &markets.AptosTransaction{}}
		if types := s.Source.Types; len(types) > 0 {
			raw.Type = types[int(eventType)%len(types)]
		}
		checkDecoded(t, s, raw)
	})
}

// streamsOf are all streams of the built-in markets of a kind of chain.
func streamsOf(f *testing.F, kind markets.ChainKind) (streams []markets.Stream) {
	f.Helper()
	for _, d := range All() {
		if d.Kind == kind {
			streams = append(streams, anywhere(f, d).Streams...)
		}
	}
	return streams
}

func recordedTransactions(f *testing.F, pattern string) (all []transactions.Transaction) {
	f.Helper()
	files, err := filepath.Glob("../../testdata/transactions/" + pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no recordings %s: %v", pattern, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		found, err := transactions.Parse(text)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func sliced(topics [][32]byte) (all [][]byte) {
	for i := range topics {
		all = append(all, topics[i][:])
	}
	return all
}

// addressOf is a contract of a stream.
func addressOf(s markets.Stream) [20]byte {
	if len(s.Source.Addresses) == 0 {
		return common.HexToAddress("0xaa")
	}
	return common.HexToAddress(s.Source.Addresses[0])
}

// checkDecoded decodes a raw event. The events are no larger than what a log may become.
func checkDecoded(t *testing.T, s markets.Stream, raw markets.Raw) {
	t.Helper()
	events, failures := s.DecodeAll([]markets.Raw{raw})
	again, failuresAgain := s.DecodeAll([]markets.Raw{raw})
	if !reflect.DeepEqual(events, again) || len(failures) != len(failuresAgain) {
		t.Fatalf("%s: %v, then %v", s.Name, events, again)
	}
	for _, failure := range failures {
		if strings.Contains(failure.Reason.Error(), "panicked") {
			t.Fatalf("%s: %v", s.Name, failure.Reason)
		}
	}
	for i, e := range events {
		if i > 0 && !e.Position.After(events[i-1].Position) {
			t.Fatalf("%s: two events at %v", s.Name, e.Position)
		}
	}
	if text, err := json.Marshal(events); err != nil || len(text) > 64*(len(raw.Data)+len(raw.JSON))+1<<21 {
		t.Fatalf("%s: %d bytes of events, %v", s.Name, len(text), err)
	}
}
