package embedded

import (
	"errors"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/internal/failpoint"
)

// errEnough ends a query early: the remaining rows are not needed.
var errEnough = errors.New("enough")

// binder binds a statement's parameters, numbered from 1.
type binder func(*sqlite.Stmt)

func nothing(*sqlite.Stmt) {}

// each runs a query and calls row for every row of its result. Statements are cached:
// row must not run the same query.
func each(conn *sqlite.Conn, query string, bind binder, row func(*sqlite.Stmt) error) error {
	if failpoint.Enabled && !reads(query) {
		defer failpoint.Around("", clause(query))()
	}
	stmt, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	defer stmt.Reset() // Step has already returned its error
	return rows(stmt, bind, row)
}

// once is each for a query that is unlikely to be repeated, and is not cached.
func once(conn *sqlite.Conn, query string, bind binder, row func(*sqlite.Stmt) error) error {
	stmt, _, err := conn.PrepareTransient(query)
	if err != nil {
		return err
	}
	defer stmt.Finalize() // Step has already returned its error
	return rows(stmt, bind, row)
}

func rows(stmt *sqlite.Stmt, bind binder, row func(*sqlite.Stmt) error) error {
	bind(stmt)
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return err
		}
		if err := row(stmt); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// run runs a statement without result rows and returns how many rows it changed.
func run(conn *sqlite.Conn, query string, bind binder) (int, error) {
	err := each(conn, query, bind, func(*sqlite.Stmt) error { return nil })
	return conn.Changes(), err
}

func reads(query string) bool {
	query = strings.TrimSpace(query)
	return strings.HasPrefix(query, "SELECT") || strings.HasPrefix(query, "WITH")
}

// clause returns the beginning of a statement, which names its table.
func clause(query string) string {
	words := strings.Fields(query)
	name, _, _ := strings.Cut(strings.Join(words[:min(len(words), 3)], " "), "(")
	return name
}

// number returns the result of a query that yields one number.
func number(conn *sqlite.Conn, query string) (n int64, err error) {
	err = each(conn, query, nothing, func(row *sqlite.Stmt) error {
		n = row.ColumnInt64(0)
		return nil
	})
	return n, err
}

// text returns a column's bytes, in buf if they fit.
func text(row *sqlite.Stmt, column int, buf []byte) []byte {
	if n := row.ColumnLen(column); n <= cap(buf) {
		buf = buf[:n]
	} else {
		buf = make([]byte, n)
	}
	row.ColumnBytes(column, buf)
	return buf
}
