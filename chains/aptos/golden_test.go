package aptos

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/imart/event-worker/chains/internal/rawdata"
	"github.com/imart/event-worker/chains/internal/rawdata/rawdatatest"
)

// The recorded transactions of the stream become the same events, byte for byte, as
// those of the REST API.
func TestStreamAndRESTAreTheSame(t *testing.T) {
	names, err := filepath.Glob("../../testdata/stream/protojson/*.json")
	if err != nil || len(names) < 5 {
		t.Fatal(names, err)
	}
	events := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Version string
			User    struct{ Events []struct{ TypeStr string } }
		}
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile("../../testdata/stream/rest/" + p.Version + ".json")
		if err != nil {
			t.Fatal(err)
		}
		wanted := map[string]bool{}
		for _, e := range p.User.Events {
			if long, err := fullType(e.TypeStr); err == nil && !strings.HasPrefix(e.TypeStr, "0x1::") {
				long, _, _ = strings.Cut(long, "<")
				wanted[long], wanted[withoutAddress(long)] = true, true
			}
		}
		byREST := pageScanner{wanted: wanted, next: parsed(p.Version)}
		byStream := byREST
		var streamed rawdata.Transaction
		if err := streamed.Read(rawdatatest.Marshal(t, "Transaction", text)); err != nil {
			t.Fatal(err)
		}
		if err := byStream.scanStreamed(&streamed); err != nil {
			t.Fatal(err)
		}
		if err := byREST.scanPage([]byte("[" + string(body) + "]")); err != nil {
			t.Fatal(err)
		}
		events += len(byREST.raws)
		if !reflect.DeepEqual(byStream, byREST) {
			a, _ := json.Marshal(byStream.raws)
			b, _ := json.Marshal(byREST.raws)
			t.Errorf("version %s: by the stream\n%s\nby REST\n%s", p.Version, a, b)
		}
		kept, err := parseStreamed(&streamed)
		if err != nil {
			t.Fatal(err)
		}
		var wire wireTransaction
		if err := json.Unmarshal(body, &wire); err != nil {
			t.Fatal(err)
		}
		want, err := wire.parse()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(kept, want) {
			t.Errorf("version %s: by the stream %+v, by REST %+v", p.Version, kept, want)
		}
	}
	if events < 8 {
		t.Errorf("%d events only", events)
	}
}

// Whatever way JSON is written, its canonical form is one.
func TestCanonical(t *testing.T) {
	const want = `{"a":[1,"<é&"],"b":{"c":340282366920938463463374607431768211455,"d":null}}`
	for _, same := range []string{want, ` { "b" : {"d":null, "c":340282366920938463463374607431768211455}, "a":[1, "\u003c\u00e9&"] } `} {
		if got, err := canonical([]byte(same)); err != nil || string(got) != want {
			t.Errorf("%s became %s, %v", same, got, err)
		}
	}
	deep := strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)
	for _, bad := range []string{"", "{", "1 2", deep, `{"a":}`} {
		if got, err := canonical([]byte(bad)); err == nil {
			t.Errorf("%.20s became %s", bad, got)
		}
	}
	if _, err := canonical([]byte(deep[1 : len(deep)-1])); err != nil {
		t.Error(err)
	}
}
