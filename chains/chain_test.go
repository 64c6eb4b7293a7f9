package chains

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/markets"
)

// A page is right exactly if its events lie behind its start, up to its end, in order.
func TestCheckOfPages(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		after := markets.Place{Seq: rapid.Int64Range(-1, 5).Draw(r, "after")}
		page := Page{To: markets.Place{Seq: rapid.Int64Range(-1, 9).Draw(r, "to")}}
		right := page.To.Seq >= after.Seq
		for i, seq := range rapid.SliceOfN(rapid.Int64Range(-1, 10), 0, 4).Draw(r, "seqs") {
			page.Raws = append(page.Raws, markets.Raw{Seq: seq})
			right = right && seq > after.Seq && seq <= page.To.Seq && (i == 0 || seq >= page.Raws[i-1].Seq)
		}
		if err := page.Check(after); (err == nil) != right {
			r.Errorf("%+v after %d: %v", page, after.Seq, err)
		}
	})
}
