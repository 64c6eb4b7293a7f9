package resource

import (
	"context"
	"encoding/json"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/paging"
)

// found is a page.
type found struct {
	docs []json.RawMessage
	next *paging.Place // nil if nothing comes behind the page
}

// read reads a page, and before it the position of the feed whose changes it has; empty if the
// data have no feed.
func (s *server) read(ctx context.Context, a asked) (position string, f found, err error) {
	if position, err = s.now.position.get(ctx); err != nil {
		return "", found{}, err
	}
	filter, mark := a.filter, func(doc json.RawMessage) (json.RawMessage, error) { return doc, nil }
	if recent, told := s.now.horizons[a.Of.Name]; told {
		horizon, err := recent.get(ctx)
		if err != nil {
			return "", found{}, err
		}
		translated, err := horizon.Filter(persistence.Filter{Condition: filter})
		if err != nil {
			return "", found{}, badRequest{err.Error()}
		}
		filter, mark = translated.Condition, horizon.Mark // both of the same horizon
	}
	docs, next, err := a.Page(ctx, s.Data, filter, a.after, a.limit)
	if err != nil {
		return "", found{}, err
	}
	f.next = next
	for _, doc := range docs {
		doc, err := mark(doc)
		if err != nil {
			return "", found{}, err
		}
		f.docs = append(f.docs, doc)
	}
	return position, f, nil
}
