package resource

import (
	"context"
	"encoding/json"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/paging"
)

// found is a page of documents.
type found struct {
	docs []json.RawMessage
	next *paging.Place // where the next page begins; nil on the last page
}

// read reads a page, after the position of the feed, so that the page includes all changes up
// to it. The position is empty if the data have no feed.
func (s *server) read(ctx context.Context, a asked) (position string, f found, err error) {
	if position, err = s.now.position.get(ctx); err != nil {
		return "", found{}, err
	}
	filter, mark := a.filter, func(doc json.RawMessage) (json.RawMessage, error) { return doc, nil }
	if recent, known := s.now.horizons[a.Of.Name]; known {
		horizon, err := recent.get(ctx)
		if err != nil {
			return "", found{}, err
		}
		translated, err := horizon.Filter(persistence.Filter{Condition: filter})
		if err != nil {
			return "", found{}, badRequest{err.Error()}
		}
		filter, mark = translated.Condition, horizon.Mark // must be of the same horizon
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
