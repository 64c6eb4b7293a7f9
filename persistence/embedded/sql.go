package embedded

import (
	"errors"

	"zombiezen.com/go/sqlite"
)

// errEnough ends a query whose other rows are not needed.
var errEnough = errors.New("enough")

// binder binds a statement's parameters, counted from 1.
type binder func(*sqlite.Stmt)

func nothing(*sqlite.Stmt) {}

// each runs a query and calls row for every row of its result. Statements are
// kept for the next run: row must not run the same query.
func each(conn *sqlite.Conn, query string, bind binder, row func(*sqlite.Stmt) error) error {
	stmt, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	defer stmt.Reset() // its error is that of the last step
	return rows(stmt, bind, row)
}

// once is each for a query that will hardly come again.
func once(conn *sqlite.Conn, query string, bind binder, row func(*sqlite.Stmt) error) error {
	stmt, _, err := conn.PrepareTransient(query)
	if err != nil {
		return err
	}
	defer stmt.Finalize() // its error is that of the last step
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

// run runs a statement that returns no rows and says how many it changed.
func run(conn *sqlite.Conn, query string, bind binder) (int, error) {
	err := each(conn, query, bind, func(*sqlite.Stmt) error { return nil })
	return conn.Changes(), err
}

// number is the result of a query that is one number.
func number(conn *sqlite.Conn, query string) (n int64, err error) {
	err = each(conn, query, nothing, func(row *sqlite.Stmt) error {
		n = row.ColumnInt64(0)
		return nil
	})
	return n, err
}

// text is a column's bytes, in buf if they fit.
func text(row *sqlite.Stmt, column int, buf []byte) []byte {
	if n := row.ColumnLen(column); n <= cap(buf) {
		buf = buf[:n]
	} else {
		buf = make([]byte, n)
	}
	row.ColumnBytes(column, buf)
	return buf
}
