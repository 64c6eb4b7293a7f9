// Package feedtest reads the feed of package api/feed in tests.
package feedtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/imart/event-worker/persistence"
)

// Event is a server-sent event.
type Event struct {
	ID, Name string
	Data     json.RawMessage
}

// Change is the data of an event of a change.
type Change struct {
	Collection, ID string
	Document       json.RawMessage
}

// Change decodes the data.
func (e Event) Change() (c Change) {
	if err := json.Unmarshal(e.Data, &c); err != nil {
		panic(fmt.Sprintf("%s: %v", e.Data, err))
	}
	return c
}

// OfChange reports whether the event is that of a change.
func (e Event) OfChange() bool {
	return e.Name == "put" || e.Name == "removed" || e.Name == "retracted"
}

// Reader reads the events of a response.
type Reader struct {
	*http.Response
	lines *bufio.Reader
}

// Open requests a feed; lastEventID may be empty. The caller closes the body.
func Open(ctx context.Context, url, lastEventID string) (*Reader, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	return &Reader{response, bufio.NewReader(response.Body)}, nil
}

// Next returns the next complete event, or an error once the response has ended.
func (r *Reader) Next() (e Event, err error) {
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return Event{}, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "":
			return e, nil
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			e.Data = json.RawMessage(value)
		default:
			return Event{}, fmt.Errorf("unexpected line %q", line)
		}
	}
}

// Refusal requests a feed, and returns the status and the detail of the refusal.
func Refusal(ctx context.Context, url, lastEventID string) (int, string, error) {
	r, err := Open(ctx, url, lastEventID)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	if r.StatusCode == http.StatusOK {
		return r.StatusCode, "", nil
	}
	var problem struct{ Detail string }
	err = json.NewDecoder(r.Body).Decode(&problem)
	return r.StatusCode, problem.Detail, err
}

// Copy is a reader's copy: documents by collection and ID.
type Copy map[string]map[string]string

// Take returns a copy of the documents of some collections that match a filter.
func Take(ctx context.Context, data persistence.Querier, collections []string, filter persistence.Filter) (Copy, error) {
	c := Copy{}
	for _, name := range collections {
		c[name] = map[string]string{}
		for doc, err := range data.Query(ctx, persistence.Query{Collection: name, Filter: filter}) {
			if err != nil {
				return nil, err
			}
			var keyed struct {
				ID string `json:"_id"`
			}
			if err := json.Unmarshal(doc, &keyed); err != nil {
				return nil, err
			}
			c[name][keyed.ID] = string(doc)
		}
	}
	return c, nil
}

// Apply applies an event to the copy. Events other than changes have no effect.
func (c Copy) Apply(e Event) {
	if !e.OfChange() {
		return
	}
	change := e.Change()
	if e.Name == "put" {
		c[change.Collection][change.ID] = string(change.Document)
	} else {
		delete(c[change.Collection], change.ID)
	}
}
