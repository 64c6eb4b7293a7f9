package aptos

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// TestSince finds the first event at or after a version among any, with few questions.
func TestSince(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		versions := rapid.SliceOfN(rapid.Int64Range(1, 500), 0, 300).Draw(r, "versions")
		slices.Sort(versions)
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			asked++
			w.Header().Set(chainIDHeader, "1")
			w.Header().Set(versionHeader, "500")
			start, _ := strconv.Atoi(request.URL.Query().Get("start"))
			var events []string
			if start < len(versions) {
				events = append(events, fmt.Sprintf(`{"version":"%d","sequence_number":"%d","type":"0x1::m::E","data":{}}`, versions[start], start))
			}
			fmt.Fprintf(w, "[%s]", strings.Join(events, ","))
		}))
		defer server.Close()
		chain, err := New(Config{URL: server.URL, ChainID: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer chain.Close()
		version := rapid.Int64Range(0, 510).Draw(r, "version")
		want, _ := slices.BinarySearch(versions, version)
		got, err := chain.Since(t.Context(), markets.Source{Account: "0x1", Handle: "0x1::m::S", Field: "f"}, version)
		if err != nil || got != (markets.Place{Seq: int64(want) - 1, Through: max(version-1, 0)}) {
			r.Errorf("%+v, %v, want before %d", got, err, want)
		}
		if asked > 20 {
			r.Errorf("%d questions", asked)
		}
	})
}
