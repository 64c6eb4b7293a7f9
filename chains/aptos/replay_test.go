package aptos_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/aptos"
	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/chains/replay/replaytest"
	"github.com/imart/event-worker/internal/chaintest"
	"github.com/imart/event-worker/internal/markettest"
	"github.com/imart/event-worker/markets"
)

const recording = "../../testdata/recordings/aptos"

// recorded is one event of a recorded transaction, read without the package's
// own code.
type recorded struct {
	version, seq, micros int64
	index                int32
	hash                 string
}

// recordedEvents are all events of a type in the recording, by version.
func recordedEvents(t *testing.T) map[string][]recorded {
	t.Helper()
	names, err := filepath.Glob(recording + "/transactions/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no recorded transactions: %v", err)
	}
	byType := map[string][]recorded{}
	for _, name := range names {
		var transaction struct {
			Version, Hash, Timestamp string
			Events                   []struct {
				Type string
				Seq  string `json:"sequence_number"`
			}
		}
		body, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(body, &transaction)
		}
		if err != nil {
			t.Fatal(err)
		}
		number := func(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }
		for i, e := range transaction.Events {
			byType[e.Type] = append(byType[e.Type], recorded{
				number(transaction.Version), number(e.Seq), number(transaction.Timestamp), int32(i), transaction.Hash,
			})
		}
	}
	for _, events := range byType {
		slices.SortFunc(events, func(a, b recorded) int { return int(a.seq - b.seq) })
	}
	return byType
}

func serveRecording(t *testing.T) (*replay.Recording, *replay.Node) {
	t.Helper()
	r := replaytest.Open(t, os.DirFS(recording))
	return r, replaytest.Serve(t, r)
}

// follow is the chain that reads a recording's node, and its stream if there is one.
func follow(t *testing.T, r *replay.Recording, node *replay.Node, stream string, sources ...markets.Source) *aptos.Chain {
	t.Helper()
	chain, err := aptos.New(aptos.Config{
		Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: 1, Sources: sources, Stream: stream, StreamToken: "key",
		Numbers: func(s markets.Source) []int64 { return r.Numbers(s.Account, s.Handle, s.Field) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	return chain
}

// serveStream is the URL of a recorded node's stream.
func serveStream(t *testing.T, node *replay.Node) string {
	t.Helper()
	stream, err := node.ServeStream(t.Context(), "127.0.0.1:0", "key")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Close)
	return stream.URL()
}

func TestRecordedTradeport(t *testing.T) {
	r, node := serveRecording(t)
	chain := follow(t, r, node, "")

	byType := recordedEvents(t)
	var all []markets.Raw
	versions := map[int64]bool{}
	places := map[string]markets.Place{}
	for more := true; more; more = node.Step() { // backfill, then follow
		view, err := chain.Advance(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, stream := range markettest.Mainnet(t, "tradeport").Streams {
			after, ok := places[stream.Name]
			if !ok {
				after = markets.Place{Seq: -1}
			}
			raws, to := chaintest.Drain(t.Context(), t, chain, view, stream.Source, after, -1, 2)
			if to.Through != view.Head.Seq {
				t.Errorf("%s stands at %+v, the ledger at %d", stream.Name, to, view.Head.Seq)
			}
			places[stream.Name] = to
			all = append(all, raws...)
		}
	}
	got := map[string][]recorded{}
	for _, raw := range all {
		versions[raw.Position.Height] = true
		got[raw.Type] = append(got[raw.Type], recorded{raw.Position.Height, raw.Seq, raw.Time.UnixMicro(), raw.Position.Log, raw.Transaction})
		if raw.Ledger.Version != raw.Position.Height || len(raw.Ledger.Sender) != 66 || len(raw.Ledger.Resources) == 0 {
			t.Errorf("event %d of %s: ledger %d, sender %s, %d resources", raw.Seq, raw.Type, raw.Ledger.Version, raw.Ledger.Sender, len(raw.Ledger.Resources))
		}
	}
	for eventType, events := range got {
		if !slices.Equal(events, byType[eventType]) {
			t.Errorf("%s\nread     %+v\nrecorded %+v", eventType, events, byType[eventType])
		}
	}
	if len(got) < 7 {
		t.Errorf("events of %d types only", len(got))
	}
	if n := node.Requests()["transactions"]; n != int64(len(versions)) {
		t.Errorf("%d requests for %d transactions", n, len(versions))
	}
}

// The check for gaps is as strict as ever where our own configuration does not say
// that the chain is a recording, or says other numbers.
func TestARecordingIsFullOfGapsToWhoDoesNotKnow(t *testing.T) {
	r, node := serveRecording(t)
	node.Finish()
	source := markettest.Mainnet(t, "tradeport").Streams[0].Source
	for name, numbers := range map[string]func(markets.Source) []int64{
		"a real chain":  nil,
		"one more":      func(s markets.Source) []int64 { return append([]int64{1}, r.Numbers(s.Account, s.Handle, s.Field)...) },
		"one less":      func(s markets.Source) []int64 { return r.Numbers(s.Account, s.Handle, s.Field)[1:] },
		"none recorded": func(markets.Source) []int64 { return []int64{} },
	} {
		t.Run(name, func(t *testing.T) {
			chain, err := aptos.New(aptos.Config{Endpoints: []chains.Endpoint{{URL: node.URL()}}, ChainID: 1, Numbers: numbers})
			if err != nil {
				t.Fatal(err)
			}
			defer chain.Close()
			_, err = chain.Read(t.Context(), chains.NewLedger(node.Head()), source, markets.Place{Seq: -1}, -1, 10)
			if err == nil || !strings.Contains(err.Error(), chains.ErrGap.Error()) {
				t.Errorf("error %v, want %v", err, chains.ErrGap)
			}
		})
	}
}

// By their types the recorded events are the same as by their handles, but for their
// seqs, which are ledger versions; and they are the same by the REST API and over the
// transaction stream.
func TestByTypesAsByHandles(t *testing.T) {
	t.Run("REST", func(t *testing.T) {
		r, node := serveRecording(t)
		byTypesAsByHandles(t, r, node, "")
		if n := node.Requests()["stream"]; n > 0 {
			t.Errorf("%d streams", n)
		}
	})
	t.Run("stream", func(t *testing.T) {
		r, node := serveRecording(t)
		before := node.Requests()["transactions"]
		byTypesAsByHandles(t, r, node, serveStream(t, node))
		if n := node.Requests(); n["stream"] < 10 || n["transactions"]-before > 11 { // those of the handles
			t.Errorf("requests %v", n)
		}
	})
}

func byTypesAsByHandles(t *testing.T, r *replay.Recording, node *replay.Node, stream string) {
	node.Finish()
	chain := follow(t, r, node, "")
	view, err := chain.Advance(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var types markets.Source
	total := 0
	byHandle := map[int64][]markets.Raw{} // by version
	for _, s := range markettest.Mainnet(t, "tradeport").Streams {
		first := r.Numbers(s.Source.Account, s.Source.Handle, s.Source.Field)[0]
		raws, _ := chaintest.Drain(t.Context(), t, chain, view, s.Source, markets.Place{Seq: first - 1}, -1, 100)
		for _, raw := range raws {
			raw.Seq = raw.Position.Height
			byHandle[raw.Seq] = append(byHandle[raw.Seq], raw)
			if !slices.Contains(types.Types, raw.Type) {
				types.Types = append(types.Types, raw.Type)
			}
		}
		total += len(raws)
	}
	if total != 18 {
		t.Errorf("%d events, 18 are recorded", total)
	}
	chain = follow(t, r, node, stream, types)
	for version, want := range byHandle {
		raws, to := chaintest.Drain(t.Context(), t, chain, view, types, markets.Place{Seq: version - 70}, version+70, 1)
		if to.Seq != min(version+70, view.Head.Seq) {
			t.Errorf("version %d: the place is %+v", version, to)
		}
		raws = slices.DeleteFunc(raws, func(raw markets.Raw) bool { return raw.Seq != version })
		slices.SortFunc(want, func(a, b markets.Raw) int { return a.Position.Compare(b.Position) })
		got, _ := json.Marshal(raws)
		if want, _ := json.Marshal(want); string(got) != string(want) {
			t.Errorf("version %d: by types\n%.900s\nby handles\n%.900s", version, got, want)
		}
	}
}
