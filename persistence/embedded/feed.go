package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/internal/backoff"
	"github.com/imart/event-worker/persistence"
)

var _ persistence.Feed = (*Reader)(nil)

const (
	// pollInterval is how often a feed looks for new changes.
	pollInterval = 200 * time.Millisecond
	// idleInterval is how often a feed without changes yields its position.
	idleInterval = time.Second
	// batchChanges is the maximum number of changes in a batch.
	batchChanges = 1000
)

// Newest implements persistence.Feed. A later query sees all changes up to the position,
// because it reads a later snapshot.
func (r *Reader) Newest(ctx context.Context) (at string, err error) {
	err = r.readSnapshot(ctx, func(conn *sqlite.Conn) error {
		n, err := newestChange(conn)
		if err != nil {
			return err
		}
		eras, err := erasFrom(conn, n)
		if err != nil {
			return err
		}
		at = eras.at(n)
		return nil
	})
	return at, err
}

// Changes implements persistence.Feed. It looks for new changes every pollInterval, and
// keeps no connection while it waits or yields.
func (r *Reader) Changes(ctx context.Context, after string, collections []string) iter.Seq2[persistence.Change, error] {
	return func(yield func(persistence.Change, error) bool) {
		if err := r.follow(ctx, after, collections, func(c persistence.Change) bool { return yield(c, nil) }); err != nil {
			yield(persistence.Change{}, err)
		}
	}
}

// Reached implements persistence.Feed. Numbers continue across eras.
func (r *Reader) Reached(position, other string) bool {
	at, err1 := parseFeedPosition(position)
	of, err2 := parseFeedPosition(other)
	return err1 == nil && err2 == nil && at.number >= of.number
}

func (r *Reader) follow(ctx context.Context, after string, collections []string, yield func(persistence.Change) bool) error {
	if err := persistence.CheckFeedCollections(collections); err != nil {
		return err
	}
	at, err := parseFeedPosition(after)
	if err != nil {
		return err
	}
	for yielded := (time.Time{}); ; {
		b := batch{collections: collections, waiting: map[documentKey]int{}}
		if err := r.readSnapshot(ctx, func(conn *sqlite.Conn) error { return b.fill(conn, at) }); err != nil {
			return err
		}
		if at, err = parseFeedPosition(b.end); err != nil {
			return err
		}
		if len(b.changes) == 0 && time.Since(yielded) >= idleInterval {
			b.changes = []persistence.Change{{Position: b.end}}
		}
		for _, c := range b.changes {
			if !yield(c) {
				return nil
			}
			yielded = time.Now()
		}
		if b.full() {
			continue
		}
		if err := backoff.Sleep(ctx, pollInterval); err != nil {
			return err
		}
	}
}

// readSnapshot is read, with one snapshot for all statements of do.
func (r *Reader) readSnapshot(ctx context.Context, do func(conn *sqlite.Conn) error) error {
	return r.read(ctx, func(conn *sqlite.Conn) error {
		if _, err := run(conn, "BEGIN", nothing); err != nil {
			return err
		}
		defer func() {
			conn.SetInterrupt(nil) // the transaction must end even if ctx has ended
			_, _ = run(conn, "ROLLBACK", nothing)
		}()
		return do(conn)
	})
}

// feedPosition is the place after a change: ERA-NUMBER.
type feedPosition struct {
	era    string
	number int64
}

var feedPositionShape = regexp.MustCompile(`^([0-9a-f]{16})-(0|[1-9][0-9]{0,17})$`)

func parseFeedPosition(text string) (feedPosition, error) {
	parts := feedPositionShape.FindStringSubmatch(text)
	if parts == nil {
		return feedPosition{}, persistence.ErrPositionInvalid
	}
	n, err := strconv.ParseInt(parts[2], 10, 64)
	return feedPosition{parts[1], n}, err
}

// era is a row of eras.
type era struct {
	name  string
	first int64 // the number of its first change
}

// eras are consecutive eras, the oldest first.
type eras []era

// erasFrom returns the eras of a change and of all later changes.
func erasFrom(conn *sqlite.Conn, number int64) (found eras, err error) {
	err = each(conn, "SELECT era, first FROM eras WHERE id >= (SELECT max(id) FROM eras WHERE first <= max(?, 1)) ORDER BY id", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, number)
	}, func(row *sqlite.Stmt) error {
		found = append(found, era{row.ColumnText(0), row.ColumnInt64(1)})
		return nil
	})
	if err == nil && len(found) == 0 {
		err = persistence.ErrPositionGone
	}
	return found, err
}

// at returns the position after a change.
func (e eras) at(number int64) string {
	i := 0
	for i+1 < len(e) && e[i+1].first <= max(number, 1) {
		i++
	}
	return fmt.Sprintf("%s-%d", e[i].name, number)
}

// newestChange returns the number of the newest change, 0 if there was none.
func newestChange(conn *sqlite.Conn) (int64, error) {
	return number(conn, "SELECT ifnull(max(last), 0) FROM changes")
}

// checkPosition returns ErrPositionGone unless the changes after a position are kept.
func checkPosition(conn *sqlite.Conn, at feedPosition, newest int64) error {
	oldest, err := number(conn, "SELECT ifnull((SELECT last - count + 1 FROM changes ORDER BY last LIMIT 1), 1)")
	if err != nil {
		return err
	}
	from, through := int64(0), int64(-1)
	err = each(conn, "SELECT first, (SELECT min(first) FROM eras AS later WHERE later.id > eras.id) FROM eras WHERE era = ?", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, at.era)
	}, func(row *sqlite.Stmt) error {
		from, through = row.ColumnInt64(0)-1, newest
		if row.ColumnType(1) != sqlite.TypeNull {
			through = row.ColumnInt64(1) - 1
		}
		return nil
	})
	if err == nil && (at.number < max(from, oldest-1) || at.number > through) {
		err = persistence.ErrPositionGone
	}
	return err
}

// errNoDocument means that a changed document is neither in its next change nor in its
// table.
var errNoDocument = errors.New("it was changed by another program")

// batch is a batch of changes of some collections.
type batch struct {
	collections []string
	changes     []persistence.Change
	end         string // the position after the batch
	// waiting has the indexes of the changes whose documents were not found yet: each
	// document is in its next change, or in its table.
	waiting map[documentKey]int
	last    int64 // the number of the last change
	read    int   // the number of changes
}

func (b *batch) full() bool { return b.read >= batchChanges }

// fill reads the changes after a position.
func (b *batch) fill(conn *sqlite.Conn, after feedPosition) error {
	newest, err := newestChange(conn)
	if err != nil {
		return err
	}
	if err := checkPosition(conn, after, newest); err != nil {
		return err
	}
	eras, err := erasFrom(conn, after.number)
	if err != nil {
		return err
	}
	if err := b.scan(conn, after.number, eras); err != nil {
		return err
	}
	b.end = eras.at(newest)
	if b.full() {
		b.end = eras.at(b.last)
	}
	for of, i := range b.waiting {
		if err := b.completeFromTable(conn, of, i); err != nil {
			return err
		}
	}
	missing := func(c persistence.Change) bool { return c.ID == "" }
	if i := slices.IndexFunc(b.changes, func(c persistence.Change) bool { return missing(c) && slices.Contains(fullHistory, c.Collection) }); i >= 0 {
		return damaged(b.changes[i].Collection, "of change "+b.changes[i].Position, errNoDocument)
	}
	b.changes = slices.DeleteFunc(b.changes, missing) // their documents' removals follow
	return nil
}

// scan reads the changes after one, until the batch is full and complete, or to the newest.
func (b *batch) scan(conn *sqlite.Conn, after int64, eras eras) error {
	return each(conn, "SELECT last, count, entries, collection, key, removed FROM changes WHERE last > ? ORDER BY last", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, after)
	}, func(row *sqlite.Stmt) error {
		if b.full() && len(b.waiting) == 0 {
			return errEnough
		}
		n := row.ColumnInt64(0) - row.ColumnInt64(1)
		changes, err := changesIn(row)
		if err == nil && int64(len(changes)) != row.ColumnInt64(1) {
			err = errEntries
		}
		if err != nil {
			return damaged("change", n, err)
		}
		for _, c := range changes {
			if n++; n <= after {
				continue
			}
			if err := b.add(c, eras, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// changesIn returns the changes in a row of changes.
func changesIn(row *sqlite.Stmt) ([]change, error) {
	if row.ColumnType(2) == sqlite.TypeNull {
		return []change{{documentKey: documentKey{row.ColumnText(3), row.ColumnText(4)}, removed: row.ColumnBool(5)}}, nil
	}
	return changesOf(text(row, 2, nil))
}

// add completes an earlier change of the same document, and adds the change unless the
// batch is full.
func (b *batch) add(c change, eras eras, number int64) error {
	if i, waiting := b.waiting[c.documentKey]; waiting && c.before != nil {
		if err := b.complete(c.documentKey, i, c.before); err != nil {
			return err
		}
	}
	if b.full() || !slices.Contains(b.collections, c.collection) {
		return nil
	}
	out := persistence.Change{Position: eras.at(number), Collection: c.collection}
	switch {
	case !c.removed:
		b.waiting[c.documentKey] = len(b.changes)
	case slices.Contains(latestOnly, c.collection):
		delete(b.waiting, c.documentKey)
		out.ID = c.key
	default:
		id, err := (&selection{collection: c.collection}).id(c.before)
		if err != nil {
			return damaged(c.collection, c.key, err)
		}
		out.ID = id
	}
	b.changes, b.read, b.last = append(b.changes, out), b.read+1, number
	return nil
}

// complete adds the stored form of its document to a change.
func (b *batch) complete(of documentKey, i int, stored []byte) error {
	delete(b.waiting, of)
	s := &selection{collection: of.collection}
	id, err := s.id(stored)
	if err != nil {
		return damaged(of.collection, of.key, err)
	}
	doc := json.RawMessage(stored)
	if !s.keyed() {
		if doc, err = withKey(id, stored); err != nil {
			return err
		}
	}
	b.changes[i].ID, b.changes[i].Document = id, doc
	return nil
}

// completeFromTable completes a change with the document in its table. A document of a
// collection in latestOnly may be missing: its removal follows.
func (b *batch) completeFromTable(conn *sqlite.Conn, of documentKey, i int) error {
	var stored []byte
	err := each(conn, "SELECT doc FROM "+of.collection+" WHERE id = ?", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, of.key)
	}, func(row *sqlite.Stmt) error {
		stored = text(row, 0, nil)
		return nil
	})
	if err != nil || stored == nil {
		return err
	}
	return b.complete(of, i, stored)
}
