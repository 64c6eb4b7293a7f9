package chains

import (
	"context"
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

type fakeChain struct{ Chain }

type fakeCaller struct{ Chain }

func (fakeCaller) Call(context.Context, markets.Place, []ContractCall) ([]CallResult, error) {
	return nil, nil
}

func (fakeCaller) LogsAt(context.Context, markets.Place, []string) ([]markets.Raw, error) {
	return nil, nil
}

type wrapper struct{ Chain }

func (w wrapper) Unwrap() Chain { return w.Chain }

func TestCallerOf(t *testing.T) {
	caller := fakeCaller{}
	for _, c := range []struct {
		chain Chain
		ok    bool
	}{{caller, true}, {wrapper{wrapper{caller}}, true}, {fakeChain{}, false}, {wrapper{fakeChain{caller}}, false}, {nil, false}} {
		if got, ok := CallerOf(c.chain); ok != c.ok || ok && got != Caller(caller) {
			t.Errorf("%T: %v, %v", c.chain, got, ok)
		}
	}
}
