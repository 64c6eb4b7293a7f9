package metadata

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

const (
	every        = 15 * time.Second // between two looks at the records
	firstPause   = time.Minute      // before a second attempt
	lastPause    = 24 * time.Hour
	atOnce       = 4
	page         = 100 // records
	maxKey       = 1000
	maxReason    = 300
	storeTimeout = 10 * time.Second
)

// source is a type of records, and their field with a URI.
type source struct{ kind, field string }

// sources are the records whose metadata are fetched.
var sources = []source{{"gallery", "metadataUri"}}

// Store is what the worker needs of a persistence.Store.
type Store interface {
	persistence.Querier
	PutMetadata(ctx context.Context, doc persistence.Metadata) error
}

// Worker looks for records whose metadata were not fetched, and fetches them.
type Worker struct {
	Fetcher *Fetcher
	Store   Store
	Chains  []string
	Owns    func(chain string) bool // whether this process is the owner of a chain now
	Log     *slog.Logger

	every time.Duration // tests look more often
	now   func() time.Time
}

// Run works until the context ends.
func (w *Worker) Run(ctx context.Context) {
	if w.every == 0 {
		w.every, w.now = every, time.Now
	}
	ticker := time.NewTicker(w.every)
	defer ticker.Stop()
	for {
		for _, chain := range w.Chains {
			for _, s := range sources {
				if err := w.look(ctx, chain, s); err != nil && ctx.Err() == nil {
					w.Log.Debug("metadata wait for the database", "chain", chain, "reason", err)
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look visits the records of a chain while it is owned.
func (w *Worker) look(ctx context.Context, chain string, s source) error {
	for after := ""; ctx.Err() == nil && w.Owns(chain); {
		records, err := persistence.Collect[markets.Record](ctx, w.Store, persistence.Query{
			Collection: persistence.Records, Limit: page, Sort: []persistence.SortKey{{Path: "_id"}},
			Filter: persistence.Filter{Condition: persistence.And{
				persistence.Compare{Path: "_id", Operator: persistence.Greater, Operand: max(after, chain+"/")},
				persistence.Compare{Path: "_id", Operator: persistence.Less, Operand: chain + "0"}, // '0' follows '/'
				persistence.Equals("type", s.kind),
			}},
		})
		if err != nil || len(records) == 0 {
			return err
		}
		after = records[len(records)-1].ID()
		uris := map[string]string{} // by key
		for _, r := range records {
			if uri, ok := r.Fields[s.field].(string); ok && uri != "" && !r.Removed {
				uris[keyOf(uri)] = uri
			}
		}
		if err := w.fetchAll(ctx, chain, uris); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// keyOf is the key of a URI's document.
func keyOf(uri string) string {
	if len(uri) <= maxKey && strings.ToValidUTF8(uri, "") == uri {
		return uri
	}
	sum := sha256.Sum256([]byte(uri))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// fetchAll fetches those of some URIs that are due, a few at a time.
func (w *Worker) fetchAll(ctx context.Context, chain string, uris map[string]string) error {
	if len(uris) == 0 {
		return nil
	}
	var one persistence.Or
	for key := range uris {
		one = append(one, persistence.Equals("_id", key))
	}
	known := map[string]persistence.Metadata{}
	docs, err := persistence.Collect[persistence.Metadata](ctx, w.Store, persistence.Query{Collection: persistence.MetadataDocs, Filter: persistence.Filter{Condition: one}})
	if err != nil {
		return err
	}
	for _, doc := range docs {
		known[doc.ID] = doc
	}
	var mu sync.Mutex
	var errs []error
	var fetching sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for key, uri := range uris {
		doc, tried := known[key]
		if tried && (doc.State == persistence.MetadataFetched || doc.NextAt != nil && doc.NextAt.After(w.now())) {
			continue
		}
		doc.ID = key
		places <- struct{}{}
		fetching.Go(func() {
			defer func() { <-places }()
			if err := w.fetchOne(ctx, chain, uri, doc); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	fetching.Wait()
	return errors.Join(errs...)
}

// fetchOne fetches a URI and writes what came of it into its document.
func (w *Worker) fetchOne(ctx context.Context, chain, uri string, doc persistence.Metadata) error {
	answer, err := w.Fetcher.fetch(ctx, uri)
	if ctx.Err() != nil {
		return ctx.Err() // it says nothing about the URI
	}
	now := w.now().UTC().Truncate(time.Millisecond)
	doc = persistence.Metadata{ID: doc.ID, State: persistence.MetadataFetched, Status: answer.status, Bytes: answer.bytes, JSON: answer.json, Attempts: doc.Attempts + 1, TriedAt: now}
	if err == nil {
		doc.FetchedAt = &now
	} else {
		next := now.Add(backoff.Delay(int(min(doc.Attempts, 30)), firstPause, lastPause)).Truncate(time.Millisecond)
		doc.State, doc.NextAt, doc.Reason = persistence.MetadataFailed, &next, printable.Line(reasonOf(err), maxReason)
	}
	w.Log.Debug("metadata", "chain", chain, "uri", printable.Line(doc.ID, maxReason), "state", doc.State, "reason", doc.Reason)
	within, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := w.Store.PutMetadata(within, doc); err != nil {
		return fmt.Errorf("writing metadata: %w", err)
	}
	return nil
}

// reasonOf is an error without the URL, which the document has already.
func reasonOf(err error) string {
	if of, ok := errors.AsType[*url.Error](err); ok {
		return of.Err.Error()
	}
	return err.Error()
}
