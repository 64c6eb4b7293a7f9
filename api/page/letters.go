package page

import (
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/imart/event-worker/api/resource"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// The lengths of the lists.
const (
	lettersShown  = 100
	requestsShown = 100
)

// letterList is the list of dead letters, the newest first.
type letterList struct {
	Letters []letter
	More    bool   // whether there are others
	Refused string // why letters cannot be retried here; empty if they can
}

// letter is a dead letter with the last request to retry it.
type letter struct {
	markets.DeadLetter
	Retry *persistence.Request
}

func (p *Page) letters(r *http.Request) (view, error) {
	list := &letterList{Refused: p.refused()}
	v := view{Section: "letters", Title: "Dead letters", Body: list, Live: true}
	found, err := persistence.Collect[markets.DeadLetter](r.Context(), p.opts.Data, persistence.Query{
		Collection: persistence.DeadLetters, Sort: []persistence.SortKey{{Path: "time", Descending: true}, {Path: "_id"}}, Limit: lettersShown + 1,
	})
	if err != nil {
		return v, err
	}
	if list.More = len(found) > lettersShown; list.More {
		found = found[:lettersShown]
	}
	retries, err := p.retries(r)
	if err != nil {
		return v, err
	}
	for _, l := range found {
		shown := letter{DeadLetter: l}
		if asked, ok := retries[l.ID()]; ok {
			shown.Retry = &asked
		}
		list.Letters = append(list.Letters, shown)
	}
	return v, nil
}

// refused returns the reason why letters cannot be retried here; empty if they can.
func (p *Page) refused() string {
	switch {
	case !p.opts.Changes:
		return "Changes need a token: set api.token or api.tokenFile in the configuration, and log in with it."
	case p.opts.Ask == nil:
		return "This process only reads the data: retry on the page of a running worker, or with event-worker retry."
	}
	return ""
}

// retries returns the last request to retry each dead letter, by the letter's ID.
func (p *Page) retries(r *http.Request) (map[string]persistence.Request, error) {
	found, err := persistence.Collect[persistence.Request](r.Context(), p.opts.Data, persistence.Query{
		Collection: persistence.Requests,
		Filter:     persistence.Filter{Condition: persistence.And{persistence.Equals("kind", persistence.RetryRequest), persistence.Exists{Path: "deadLetter"}}},
		Sort:       []persistence.SortKey{{Path: "askedAt"}, {Path: "_id"}},
	})
	if err != nil {
		return nil, err
	}
	out := map[string]persistence.Request{}
	for _, request := range found {
		out[request.DeadLetter] = request
	}
	return out, nil
}

// retry asks the owner of a dead letter's chain to decode it again.
func (p *Page) retry(r *http.Request) (view, error) {
	v := view{Section: "letters", Title: "Dead letters", Body: &letterList{}}
	if why := p.refused(); why != "" {
		return v, problem{http.StatusForbidden, why}
	}
	r.Body = http.MaxBytesReader(nil, r.Body, 8<<10)
	if err := r.ParseForm(); err != nil {
		return v, badRequest(errors.New("the form cannot be read"))
	}
	id := r.PostForm.Get("id")
	known, err := persistence.Collect[markets.DeadLetter](r.Context(), p.opts.Data, persistence.Query{
		Collection: persistence.DeadLetters, Filter: persistence.Filter{Condition: persistence.Equals("_id", id)}, Limit: 1,
	})
	switch {
	case err != nil:
		return v, err
	case len(known) == 0:
		return v, problem{http.StatusNotFound, "This dead letter no longer exists."}
	}
	request := persistence.Request{
		ID: strings.ToLower(rand.Text()[:12]), Chain: known[0].Chain, Kind: persistence.RetryRequest, DeadLetter: id, AskedBy: askedBy(),
	}
	switch err := p.opts.Ask(r.Context(), request); {
	case errors.Is(err, resource.ErrNobody):
		return v, problem{http.StatusConflict, "It cannot be retried: " + err.Error()}
	case err != nil:
		return v, err
	}
	p.opts.Log.Info("retry of a dead letter requested on the page", "request", request.ID, "deadLetter", id)
	return view{Body: redirect(lettersPath + "#" + anchor("letter", id))}, nil
}

// askedBy names the page on this machine as the origin of a request.
func askedBy() string {
	host, err := os.Hostname()
	if err != nil {
		return "page"
	}
	return "page@" + host
}

// requestList is the list of requests, the newest first.
type requestList struct {
	Requests []persistence.Request
	More     bool
}

func (p *Page) requests(r *http.Request) (view, error) {
	list := &requestList{}
	v := view{Section: "requests", Title: "Requests", Body: list, Live: true}
	found, err := persistence.Collect[persistence.Request](r.Context(), p.opts.Data, persistence.Query{
		Collection: persistence.Requests, Sort: []persistence.SortKey{{Path: "askedAt", Descending: true}, {Path: "_id"}}, Limit: requestsShown + 1,
	})
	if list.More = len(found) > requestsShown; list.More {
		found = found[:requestsShown]
	}
	list.Requests = found
	return v, err
}
