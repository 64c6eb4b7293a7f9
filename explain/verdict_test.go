package explain

import (
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/markets"
)

// Whether an order can be filled follows from its status, the time, and the contracts'
// answers.
func TestVerdicts(t *testing.T) {
	now := time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
	before, after := now.Add(-time.Hour), now.Add(time.Hour)
	says := func(a markets.Answer, reasons ...markets.Reason) *markets.Fillability {
		return &markets.Fillability{Answer: a, Reasons: reasons, Since: &markets.Position{Height: 7}, Time: &before}
	}
	for _, test := range []struct {
		order  *markets.Order
		clock  *time.Time
		answer markets.Answer
		why    string
	}{
		{nil, &now, markets.No, "it does not exist"},
		{&markets.Order{Status: markets.Sold, SoldAt: &before}, &now, markets.No, "it was sold at 2024-01-31 11:00:00 UTC"},
		{&markets.Order{Status: markets.Canceled, CanceledAt: &before, Fillable: says(markets.Yes)}, &now, markets.No, "it was cancelled at 2024-01-31 11:00:00 UTC"},
		{&markets.Order{Status: markets.Rejected}, &now, markets.No, "it was rejected"},
		{&markets.Order{Status: markets.Closed, CanceledAt: &before}, &now, markets.No, "it was sold or cancelled at 2024-01-31 11:00:00 UTC: the log does not tell which"},
		{&markets.Order{Status: markets.Listing, Fillable: says(markets.Yes)}, &now, markets.Yes, "the maker has what the order offers, and has approved its transfer; unchanged since block 7, 2024-01-31 11:00:00 UTC"},
		{&markets.Order{Status: markets.Listing, Fillable: says(markets.Yes), ExpiresAt: &after}, &now, markets.Yes, "the maker has"},
		{&markets.Order{Status: markets.Listing, Fillable: says(markets.Yes), ExpiresAt: &now}, &now, markets.No, "it expired at 2024-01-31 12:00:00 UTC"},
		{&markets.Order{Status: markets.Listing, Fillable: says(markets.Yes), ExpiresAt: &now}, nil, markets.Yes, "the maker has"},
		{&markets.Order{Status: markets.Listing, Fillable: says(markets.Yes), ExpiresAt: &now}, &before, markets.Yes, "the maker has"},
		{&markets.Order{Status: markets.Listing, Fillable: says(markets.Yes), Terms: markets.Terms{StartsAt: &after}}, &now, markets.No, "it starts at 2024-01-31 13:00:00 UTC"},
		{&markets.Order{Status: markets.Listing, Fillable: says(markets.No, markets.PrivateOrder, markets.NotOwner), Terms: markets.Terms{ReservedFor: "0xBob"}}, &now, markets.No, "only 0xBob can fill it; the maker does not have the token"},
		{&markets.Order{Status: markets.Listing, Fillable: says(markets.Unknown)}, &now, markets.Unknown, "the contracts' answers do not decide it"},
		{&markets.Order{Status: markets.Listing}, &now, markets.Unknown, "contracts are not asked about orders of this market"},
		{&markets.Order{Status: markets.Partial}, &now, markets.Unknown, "it was filled, at least in part: its quantity is not known"},
	} {
		v := judge(test.order, false, test.clock)
		if why := strings.Join(v.Because, "; "); v.Answer != test.answer || !strings.HasPrefix(why, test.why) {
			t.Errorf("%+v at %v: %s, %s, want %s, %s", test.order, test.clock, v.Answer, why, test.answer, test.why)
		}
	}
}

// Every reason has a distinct text.
func TestReasonTexts(t *testing.T) {
	seen := map[string]markets.Reason{}
	for _, r := range markets.Reasons() {
		text := reasonText(&markets.Order{}, r)
		if other, twice := seen[text]; twice || text == string(r) {
			t.Errorf("%s is %q, as is %s", r, text, other)
		}
		seen[text] = r
	}
}
