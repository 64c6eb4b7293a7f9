package embedded

import (
	"zombiezen.com/go/sqlite"

	"github.com/imart/event-worker/persistence"
)

// name is a market, or one of its streams.
type name struct {
	persistence.MarketRef
	stream string
}

// names are the numbers that stand for names, as far as they were needed.
type names map[name]int64

// number is a name's number; a new name gets the next one.
func (n names) number(conn *sqlite.Conn, of name) (int64, error) {
	if id, known := n[of]; known {
		return id, nil
	}
	bind := func(stmt *sqlite.Stmt) {
		stmt.BindText(1, of.Chain)
		stmt.BindText(2, of.Market)
		stmt.BindText(3, of.stream)
	}
	if _, err := run(conn, "INSERT OR IGNORE INTO names (chain, market, stream) VALUES (?, ?, ?)", bind); err != nil {
		return 0, err
	}
	err := each(conn, "SELECT id FROM names WHERE chain = ? AND market = ? AND stream = ?", bind, func(row *sqlite.Stmt) error {
		n[of] = row.ColumnInt64(0)
		return nil
	})
	return n[of], err
}
