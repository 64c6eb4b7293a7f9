package resource

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// list serves the pages of a collection.
func (s *server) list(of documents.Collection) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := parse(of, r.URL.RawQuery)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		page, err := s.shared.do(r.Context(), r.URL.Path+"?"+r.URL.RawQuery, func(ctx context.Context) (response, error) { return s.respond(ctx, asked, r.URL) })
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if page.position != "" {
			w.Header().Set("Feed-Position", page.position)
		}
		if page.link != "" {
			w.Header().Set("Link", page.link)
		}
		page.body.send(w, r)
	})
}

// response is the response to a request for a page.
type response struct {
	position, link string // headers; empty: omitted
	body           tagged
}

// respond reads a page once the queue admits the query.
func (s *server) respond(ctx context.Context, a asked, url *url.URL) (response, error) {
	var page response
	var found found
	err := s.lists.do(ctx, func() (err error) {
		page.position, found, err = s.read(ctx, a)
		return err
	})
	if err != nil {
		return response{}, err
	}
	next, err := a.Cursor(found.next)
	if err != nil {
		return response{}, badRequest{err.Error()}
	}
	if next != "" {
		page.link = fmt.Sprintf(`<%s>; rel="next"`, following(url, next))
	}
	page.body = tag(pageBody(found.docs, next))
	return page, nil
}

// following returns the URL of the next page.
func following(u *url.URL, cursor string) string {
	q := u.Query()
	q.Set("cursor", cursor)
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).String()
}

// pageBody encodes {"data": […], "next": …}.
func pageBody(docs []json.RawMessage, next string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"data":[`)
	for i, doc := range docs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(doc)
	}
	b.WriteString(`],"next":`)
	if next == "" {
		b.WriteString("null")
	} else {
		b.WriteString(`"` + next + `"`) // base64url
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// one serves the documents of a collection by _id.
func (s *server) one(of documents.Collection) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			s.fail(w, r, badRequest{"a single document takes no parameters: remove what is behind the question mark"})
			return
		}
		var doc json.RawMessage
		err := s.keys.do(r.Context(), func() (err error) {
			doc, err = s.find(r, of, r.PathValue("id"))
			return err
		})
		if err != nil {
			s.fail(w, r, err)
			return
		}
		tag(append(doc, '\n')).send(w, r)
	})
}

// find returns the document with an _id; orders come from memory if possible.
func (s *server) find(r *http.Request, of documents.Collection, id string) (doc json.RawMessage, err error) {
	if s.Order != nil && of.Name == persistence.Orders {
		doc, err = s.remembered(r, id)
	} else {
		doc, err = s.stored(r, of, id)
	}
	if err != nil {
		return nil, err
	}
	return s.now.mark(r.Context(), of.Name, doc)
}

func (s *server) stored(r *http.Request, of documents.Collection, id string) (json.RawMessage, error) {
	q := persistence.Query{Collection: of.Name, Filter: persistence.Filter{Condition: persistence.Is("_id", id)}, Limit: 1}
	for doc, err := range s.Data.Query(r.Context(), q) {
		return doc, err
	}
	return nil, notFound(of, id)
}

func (s *server) remembered(r *http.Request, id string) (json.RawMessage, error) {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) < 3 {
		return nil, notFound(documents.Of(persistence.Orders), id)
	}
	order, ok, err := s.Order(r.Context(), persistence.MarketRef{Chain: parts[0], Market: parts[1]}, parts[2])
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(documents.Of(persistence.Orders), id)
	}
	return json.Marshal(documents.OfOrder(order))
}

func notFound(of documents.Collection, id string) error {
	return missing{fmt.Sprintf("%s has no document with the _id %q: GET /%s lists them; the _id of one is: %s", of.Name, id, of.Name, idOf(of))}
}

// idOf describes the _id of a collection's documents.
func idOf(of documents.Collection) string { return strings.TrimSuffix(of.At("_id").Description, ".") }
