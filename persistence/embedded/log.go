package embedded

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/persistence"
)

// Append implements persistence.Tx.
func (t *tx) Append(activities []markets.Activity, deadLetters []markets.DeadLetter) error {
	return t.step(func() error {
		for i := range activities {
			if err := t.appendActivity(&activities[i]); err != nil {
				return err
			}
		}
		for i := range deadLetters {
			if err := t.appendDeadLetter(&deadLetters[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) appendActivity(a *markets.Activity) error {
	stream, err := t.number(a.Stream)
	if err != nil {
		return err
	}
	key, err := t.number(a.Key())
	if err != nil {
		return err
	}
	t.out = encoder{buf: t.out.buf[:0]}
	if t.out.activity(a); t.out.err != nil {
		return fmt.Errorf("activity %s: %w", a.ID(), t.out.err)
	}
	_, err = run(t.conn, "INSERT INTO activities (key, stream, seq, bulk, doc, time) VALUES (?, ?, ?, ?, ?, ?)", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, key)
		stmt.BindInt64(2, stream)
		stmt.BindInt64(3, a.Seq)
		if a.Kind == markets.OrdersCancelled {
			stmt.BindInt64(4, t.market)
		}
		stmt.BindText(5, string(t.out.buf))
		stmt.BindText(6, timeOperand(a.Time))
	})
	if err != nil {
		return err
	}
	t.log.put(persistence.Activities, t.conn.LastInsertRowID(), nil)
	if a.Signed == "" {
		return nil
	}
	return t.answerSigned(a.Signed, nil, persistence.AnswerOf(a.Event))
}

func (t *tx) appendDeadLetter(d *markets.DeadLetter) error {
	stream, err := t.number(d.Stream)
	if err != nil {
		return err
	}
	doc, err := json.Marshal(d)
	if err != nil {
		return err
	}
	_, err = run(t.conn, "INSERT INTO dead_letters (letter, stream, seq, doc) VALUES (?, ?, ?, ?)", func(stmt *sqlite.Stmt) {
		stmt.BindText(1, d.ID())
		stmt.BindInt64(2, stream)
		stmt.BindInt64(3, d.Seq)
		stmt.BindText(4, string(doc))
	})
	t.log.put(persistence.DeadLetters, t.conn.LastInsertRowID(), nil)
	return err
}

// Notify implements persistence.Tx.
func (t *tx) Notify(notifications []markets.Notification) error {
	return t.step(func() error {
		for i := range notifications {
			if err := t.notify(&notifications[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) notify(n *markets.Notification) error {
	stream, err := t.number(n.Stream)
	if err != nil {
		return err
	}
	doc, err := json.Marshal(n)
	if err != nil {
		return err
	}
	_, err = run(t.conn, "INSERT INTO notifications (stream, seq, doc) VALUES (?, ?, ?)", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, stream)
		stmt.BindInt64(2, n.Seq)
		stmt.BindText(3, string(doc))
	})
	t.log.put(persistence.Notifications, t.conn.LastInsertRowID(), nil)
	return err
}

// removeNotifications removes the notifications of a stream's activity.
func (t *tx) removeNotifications(stream int64, activity entry) error {
	_, err := t.remove(persistence.Notifications, "stream = ? AND seq = ? AND "+position+" = (?, ?, ?, ?)", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, stream)
		stmt.BindInt64(2, activity.seq)
		stmt.BindInt64(3, activity.position.Height)
		stmt.BindInt64(4, int64(activity.position.Transaction))
		stmt.BindInt64(5, int64(activity.position.Log))
		stmt.BindInt64(6, int64(activity.position.Sub))
	})
	return err
}

// removeStrayNotifications removes notifications without an activity, once all activities
// of the stream after a seq are removed.
func (t *tx) removeStrayNotifications(stream, after int64) error {
	_, err := t.remove(persistence.Notifications, "stream = ? AND seq > ?", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, stream)
		stmt.BindInt64(2, after)
	})
	return err
}

// RemoveDeadLetter implements persistence.Tx.
func (t *tx) RemoveDeadLetter(id string) (removed bool, err error) {
	err = t.step(func() error {
		n, err := t.remove(persistence.DeadLetters, "letter = ?", func(stmt *sqlite.Stmt) {
			stmt.BindText(1, id)
		})
		removed = n > 0
		return err
	})
	return removed, err
}

// Log implements markets.Book.
func (t *tx) Log(keys []string) (found []markets.Event, err error) {
	err = t.step(func() error {
		for _, key := range keys {
			id, err := t.find(key)
			if err != nil {
				return err
			}
			err = each(t.conn, "SELECT id, doc FROM activities WHERE key = ?", func(stmt *sqlite.Stmt) {
				stmt.BindInt64(1, id)
			}, func(row *sqlite.Stmt) error {
				a, err := t.activity(row)
				if err == nil {
					found = append(found, a.Event)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// position is a document's position as an SQL row value.
const position = "(doc ->> '$.position.height', doc ->> '$.position.tx', doc ->> '$.position.log', doc ->> '$.position.sub')"

// LogBetween implements markets.Book.
func (t *tx) LogBetween(stream string, after, through int64, from markets.Position, limit int) (found []markets.Event, err error) {
	err = t.step(func() error {
		number, err := t.number(stream)
		if err != nil {
			return err
		}
		return each(t.conn, `
			SELECT id, doc FROM activities
			WHERE stream = ? AND seq > ? AND seq <= ? AND `+position+` > (?, ?, ?, ?)
			ORDER BY seq, doc ->> '$.position.height', doc ->> '$.position.tx', doc ->> '$.position.log', doc ->> '$.position.sub'
			LIMIT ?`, func(stmt *sqlite.Stmt) {
			stmt.BindInt64(1, number)
			stmt.BindInt64(2, after)
			stmt.BindInt64(3, through)
			stmt.BindInt64(4, from.Height)
			stmt.BindInt64(5, int64(from.Transaction))
			stmt.BindInt64(6, int64(from.Log))
			stmt.BindInt64(7, int64(from.Sub))
			stmt.BindInt64(8, int64(limit))
		}, func(row *sqlite.Stmt) error {
			a, err := t.activity(row)
			if err == nil {
				found = append(found, a.Event)
			}
			return err
		})
	})
	return found, err
}

// BulkCancels implements markets.Book.
func (t *tx) BulkCancels() (any bool, err error) {
	err = t.step(func() error {
		return each(t.conn, "SELECT 1 FROM activities WHERE bulk = ? LIMIT 1", func(stmt *sqlite.Stmt) {
			stmt.BindInt64(1, t.market)
		}, func(*sqlite.Stmt) error {
			any = true
			return nil
		})
	})
	return any, err
}

// activity decodes an activity from a row of id and doc.
func (t *tx) activity(row *sqlite.Stmt) (a markets.Activity, err error) {
	t.buf = text(row, 1, t.buf)
	if err := activityDecoder.Decode(t.buf, &a); err != nil {
		return a, damaged("activity", row.ColumnInt64(0), err)
	}
	return a, nil
}

// entry is an activity or a dead letter.
type entry struct {
	dead     bool // a dead letter
	id, seq  int64
	position markets.Position
	signed   string // the signed order that an activity answers
}

// newestFirst orders entries from the newest to the oldest.
func newestFirst(a, b entry) int {
	return cmp.Or(cmp.Compare(b.seq, a.seq), b.position.Compare(a.position))
}

// Truncate implements persistence.Tx.
func (t *tx) Truncate(stream string, after int64, limit int) (activities, deadLetters int, err error) {
	err = t.step(func() error {
		number, err := t.number(stream)
		if err != nil {
			return err
		}
		entries, err := t.entries(nil, "activities", number, after, limit)
		if err != nil {
			return err
		}
		if entries, err = t.entries(entries, "dead_letters", number, after, limit); err != nil {
			return err
		}
		slices.SortFunc(entries, newestFirst)
		for _, e := range entries[:min(len(entries), limit)] {
			collection, count := persistence.Activities, &activities
			if e.dead {
				collection, count = persistence.DeadLetters, &deadLetters
			}
			n, err := t.removeByID(collection, e.id)
			if err != nil {
				return err
			}
			*count += n
			if !e.dead {
				if err := t.removeNotifications(number, e); err != nil {
					return err
				}
			}
			if e.signed != "" {
				if err := t.answerSigned(e.signed, &e.position, persistence.SignedAnswer{State: persistence.SignedPending}); err != nil {
					return err
				}
			}
		}
		if activities+deadLetters < limit {
			return t.removeStrayNotifications(number, after)
		}
		return nil
	})
	return activities, deadLetters, err
}

// entries appends the newest entries of a stream whose seq is greater than after.
func (t *tx) entries(entries []entry, table string, stream, after int64, limit int) ([]entry, error) {
	err := each(t.conn, `
		SELECT id, seq, doc ->> '$.position.height' AS height, doc ->> '$.position.tx' AS tx, doc ->> '$.position.log' AS log, doc ->> '$.position.sub' AS sub, doc ->> '$.signed'
		FROM `+table+` WHERE stream = ? AND seq > ?
		ORDER BY seq DESC, height DESC, tx DESC, log DESC, sub DESC LIMIT ?`, func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, stream)
		stmt.BindInt64(2, after)
		stmt.BindInt64(3, int64(limit))
	}, func(row *sqlite.Stmt) error {
		entries = append(entries, entry{
			dead: table == "dead_letters", id: row.ColumnInt64(0), seq: row.ColumnInt64(1),
			position: markets.Position{Height: row.ColumnInt64(2), Transaction: row.ColumnInt32(3), Log: row.ColumnInt32(4), Sub: row.ColumnInt32(5)},
			signed:   row.ColumnText(6),
		})
		return nil
	})
	return entries, err
}
