package page

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// The largest numbers of activities on a page, and of activities at one time, which are
// never split across pages.
const (
	activitiesShown = 60
	momentShown     = 1000
)

// activityForm is the content of the form above the list.
type activityForm struct {
	Chain, Market, Kind string
	Before              time.Time // only earlier activities; zero for the newest
}

// activityList is a page of activities, the newest first.
type activityList struct {
	Form       activityForm
	Chains     []string
	Markets    []string
	Kinds      []markets.Kind
	Activities []markets.Activity
	Next       string // the path of the next page; empty on the last one
	First      string // the path of the first page
}

func (p *Page) activities(r *http.Request) (view, error) {
	q := r.URL.Query()
	form := activityForm{Chain: q.Get("chain"), Market: q.Get("market"), Kind: q.Get("kind")}
	list := activityList{Form: form}
	v := view{Section: "activities", Title: "Activities", Body: &list, Live: q.Get("before") == ""}
	if v.Live {
		v.Feed = form.feed()
	}
	var since time.Time
	if isPartial(r) { // the feed had a change, which an earlier result may not contain
		since = time.Now()
	}
	s := p.watch.now()
	if text := q.Get("before"); text != "" {
		before, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return v, badRequest(errCursor)
		}
		form.Before = before
	}
	found, err := p.newest.get(r.Context(), q.Encode(), since, func(ctx context.Context) (activityList, error) {
		return p.readActivities(ctx, s, form)
	})
	list = found
	list.Form, list.Kinds = form, markets.Kinds()
	list.Chains, list.Markets = s.names()
	q.Del("before")
	list.First = activitiesPath + "?" + q.Encode()
	if list.Next != "" {
		q.Set("before", list.Next)
		list.Next = activitiesPath + "?" + q.Encode()
	}
	return v, err
}

// feed returns the path of the feed of the activities that match the form.
func (f activityForm) feed() string {
	q := url.Values{"collection": {persistence.Activities}}
	if f.Chain != "" {
		q.Set("chain", f.Chain)
	}
	if f.Market != "" {
		q.Set("market", f.Market)
	}
	if f.Kind != "" {
		kind, _ := json.Marshal(f.Kind) // never fails for a string
		q.Set("filter."+persistence.Activities, `{kind: `+string(kind)+`}`)
	}
	return "/feed?" + q.Encode()
}

// readActivities reads the newest activities of each market separately, to use MongoDB's
// indexes, and merges them.
func (p *Page) readActivities(ctx context.Context, s snapshot, form activityForm) (list activityList, err error) {
	var all []markets.Activity
	more := false
	for _, c := range s.tree {
		for _, m := range c.Markets {
			if form.Chain != "" && form.Chain != c.Name || form.Market != "" && form.Market != m.Name {
				continue
			}
			condition := append(persistence.MarketRef{Chain: c.Name, Market: m.Name}.Documents(), form.conditions()...)
			found, err := p.collect(ctx, condition, activitiesShown+1)
			if err != nil {
				return list, err
			}
			all, more = append(all, found...), more || len(found) > activitiesShown
		}
	}
	slices.SortStableFunc(all, newestFirst)
	if len(all) <= activitiesShown && !more {
		list.Activities = all
		return list, nil
	}
	list.Activities, list.Next = cutBetweenMoments(all, activitiesShown)
	if list.Activities != nil {
		return list, nil
	}
	// All activities of the page have the same time: show all activities of that time.
	moment := all[0].Time
	list.Activities, err = p.collect(ctx, append(form.allConditions(), persistence.Is("time", moment)), momentShown)
	slices.SortStableFunc(list.Activities, newestFirst)
	list.Next = moment.Format(time.RFC3339Nano)
	return list, err
}

// cutBetweenMoments returns the first page of activities, which ends between two different
// times, so that the next page begins before the last of them; nil if all have the same
// time.
func cutBetweenMoments(all []markets.Activity, page int) (shown []markets.Activity, before string) {
	end := min(page, len(all)-1)
	for end > 0 && all[end-1].Time.Equal(all[end].Time) {
		end--
	}
	if end == 0 {
		return nil, ""
	}
	return all[:end], all[end-1].Time.Format(time.RFC3339Nano)
}

func newestFirst(a, b markets.Activity) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.Chain, b.Chain), b.Position.Compare(a.Position))
}

// conditions returns the conditions of the form, except for chain and market.
func (f activityForm) conditions() (out []persistence.Condition) {
	if f.Kind != "" {
		out = append(out, persistence.Equals("kind", f.Kind))
	}
	if !f.Before.IsZero() {
		out = append(out, persistence.Compare{Path: "time", Operator: persistence.Less, Operand: f.Before})
	}
	return out
}

// allConditions returns all conditions of the form.
func (f activityForm) allConditions() persistence.And {
	out := persistence.And(f.conditions())
	for _, field := range [][2]string{{"chain", f.Chain}, {"market", f.Market}} {
		if field[1] != "" {
			out = append(out, persistence.Equals(field[0], field[1]))
		}
	}
	return out
}

func (p *Page) collect(ctx context.Context, condition persistence.And, limit int) ([]markets.Activity, error) {
	return persistence.Collect[markets.Activity](ctx, p.opts.Data, persistence.Query{
		Collection: persistence.Activities, Filter: persistence.Filter{Condition: condition},
		Sort: []persistence.SortKey{{Path: "time", Descending: true}}, Limit: limit,
	})
}
