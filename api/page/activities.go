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

// The bounds of the list of activities: of a page, and of the activities of one moment, which
// are always on one page.
const (
	activitiesShown = 60
	momentShown     = 1000
)

// activityForm is what the viewer asks for.
type activityForm struct {
	Chain, Market, Kind string
	Before              time.Time // only earlier ones; zero for the newest
}

// activityList is a page of activities, the newest first.
type activityList struct {
	Form       activityForm
	Chains     []string
	Markets    []string
	Kinds      []markets.Kind
	Activities []markets.Activity
	Next       string // the path of the next page; empty on the last one
	First      string
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
	if part(r) { // the feed has told of something: what was read earlier may not have it
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

// feed is the path of the feed that tells of the form's activities.
func (f activityForm) feed() string {
	q := url.Values{"collection": {persistence.Activities}}
	if f.Chain != "" {
		q.Set("chain", f.Chain)
	}
	if f.Market != "" {
		q.Set("market", f.Market)
	}
	if f.Kind != "" {
		kind, _ := json.Marshal(f.Kind) // a string always can be
		q.Set("filter."+persistence.Activities, `{kind: `+string(kind)+`}`)
	}
	return "/feed?" + q.Encode()
}

// readActivities reads the newest activities of each market by itself, as MongoDB's indexes
// have them, and merges them.
func (p *Page) readActivities(ctx context.Context, s snapshot, form activityForm) (list activityList, err error) {
	var all []markets.Activity
	more := false
	for _, c := range s.tree {
		for _, m := range c.Markets {
			if form.Chain != "" && form.Chain != c.Name || form.Market != "" && form.Market != m.Name {
				continue
			}
			of := append(persistence.MarketRef{Chain: c.Name, Market: m.Name}.Documents(), form.conditions()...)
			found, err := p.collect(ctx, of, activitiesShown+1)
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
	// All of a page are of one moment: it is shown whole.
	moment := all[0].Time
	list.Activities, err = p.collect(ctx, append(form.of(), persistence.Is("time", moment)), momentShown)
	slices.SortStableFunc(list.Activities, newestFirst)
	list.Next = moment.Format(time.RFC3339Nano)
	return list, err
}

// cutBetweenMoments is the first page of activities, which ends between two moments, so that
// the next one is what is before the last of them; nil if all are of one moment.
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

// conditions are those that the form adds to a market's documents.
func (f activityForm) conditions() (out []persistence.Condition) {
	if f.Kind != "" {
		out = append(out, persistence.Equals("kind", f.Kind))
	}
	if !f.Before.IsZero() {
		out = append(out, persistence.Compare{Path: "time", Operator: persistence.Less, Operand: f.Before})
	}
	return out
}

// of are all conditions of the form.
func (f activityForm) of() persistence.And {
	out := persistence.And(f.conditions())
	for _, is := range [][2]string{{"chain", f.Chain}, {"market", f.Market}} {
		if is[1] != "" {
			out = append(out, persistence.Equals(is[0], is[1]))
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
