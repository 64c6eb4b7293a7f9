package embedded

import "zombiezen.com/go/sqlite"

// maxNames is approximately how many names are cached: those of the batches in progress,
// which are logged, folded and committed one after the other.
const maxNames = 20_000

// name is a name within its parent, which is 0 for chains.
type name struct {
	parent int64
	name   string
}

// names caches the numbers of recently used names.
type names map[name]int64

// find returns a name's number, 0 if it has none.
func (n names) find(conn *sqlite.Conn, of name) (int64, error) {
	if id, known := n[of]; known {
		return id, nil
	}
	id := int64(0)
	err := each(conn, "SELECT id FROM names WHERE hash = ? AND parent = ? AND name = ?", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, of.hash())
		stmt.BindInt64(2, of.parent)
		stmt.BindText(3, of.name)
	}, func(row *sqlite.Stmt) error {
		id = row.ColumnInt64(0)
		return nil
	})
	if err == nil && id != 0 {
		n.keep(of, id)
	}
	return id, err
}

// number returns a name's number, and assigns the next number to a new name.
func (n names) number(conn *sqlite.Conn, of name) (int64, error) {
	if id, err := n.find(conn, of); id != 0 || err != nil {
		return id, err
	}
	_, err := run(conn, "INSERT INTO names (parent, hash, name) VALUES (?, ?, ?)", func(stmt *sqlite.Stmt) {
		stmt.BindInt64(1, of.parent)
		stmt.BindInt64(2, of.hash())
		stmt.BindText(3, of.name)
	})
	if err != nil {
		return 0, err
	}
	n.keep(of, conn.LastInsertRowID())
	return n[of], nil
}

func (n names) keep(of name, id int64) {
	if len(n) >= maxNames {
		clear(n)
	}
	n[of] = id
}

// hash is the FNV-1a hash of a name.
func (n name) hash() int64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range 8 {
		h = (h ^ uint64(n.parent)>>(8*i)&0xff) * prime
	}
	for i := range len(n.name) {
		h = (h ^ uint64(n.name[i])) * prime
	}
	return int64(h)
}
