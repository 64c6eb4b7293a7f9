package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded/internal/pages"
)

// Damage is something in a data folder that is not as it was written.
type Damage struct {
	// File is the path of a file; empty for a document.
	File string `json:"file,omitempty"`
	// Collection and Row name a document: rows are numbered within a collection.
	Collection string `json:"collection,omitempty"`
	Row        int64  `json:"row,omitempty"`
	Reason     string `json:"reason"`
}

// Checking is the progress of Check.
type Checking struct {
	Step        string // "pages", "structure", or a collection
	Done, Total int64  // of pages or documents
}

// Checked is what Check has read.
type Checked struct {
	Pages     int64 `json:"pages"`
	Documents int64 `json:"documents"`
	Damaged   int64 `json:"damaged"`
}

// Check reads all of a data folder, while another process may write to it: every page, the
// structure of the database, and every document with the columns and names that it is found
// by. It calls found for all damage. The errors are those of OpenReader, unless they are
// damage.
func Check(ctx context.Context, dir string, progress func(Checking), found func(Damage)) (Checked, error) {
	c := &checker{path: filepath.Join(dir, fileName), progress: progress, found: found}
	conn, err := openExisting(dir)
	if err != nil {
		return c.checked, c.withoutSQLite(err)
	}
	defer conn.Close()
	c.conn = conn
	return c.checked, explain(c.path, c.unlessDamage(c.run(ctx)))
}

// checker is one run of Check.
type checker struct {
	path     string
	conn     *sqlite.Conn
	progress func(Checking)
	found    func(Damage)
	checked  Checked
}

func (c *checker) run(ctx context.Context) error {
	c.conn.SetInterrupt(ctx.Done())
	err := c.snapshot()
	if err == nil {
		err = c.all()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// withoutSQLite reads the pages of a database that SQLite cannot open: its first page is
// damaged, or its WAL.
func (c *checker) withoutSQLite(err error) error {
	if err := c.unlessDamage(err); err != nil || c.checked.Damaged == 0 {
		return err
	}
	file, err := os.Open(c.path) // closing it would unlock open connections of this process
	if err != nil {
		return err
	}
	defer file.Close()
	c.checked.Pages, err = pages.Scan(bufio.NewReader(file), func(number int64) {
		if number > 1 {
			c.report(Damage{File: c.path, Reason: pages.Mismatch(number)})
		}
	})
	return err
}

// snapshot makes all steps see the same commit.
func (c *checker) snapshot() error {
	return sqlitex.ExecuteScript(c.conn, "SAVEPOINT checking; SELECT count(*) FROM sqlite_schema;", nil)
}

func (c *checker) all() error {
	for _, step := range append([]func() error{c.log, c.pages, c.structure}, c.collections()...) {
		if err := c.unlessDamage(step()); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) report(d Damage) {
	c.checked.Damaged++
	c.found(d)
}

// unlessDamage reports an error that is damage.
func (c *checker) unlessDamage(err error) error {
	code := sqlite.ErrCode(err)
	at := pages.Damage(c.path)
	switch {
	case code == resultDamaged && at != nil:
		c.report(Damage{File: at.File, Reason: at.Reason})
	case errors.Is(err, errForeign), errors.Is(err, errNewer), errors.Is(err, errOlder):
		return err
	case code.ToPrimary() == sqlite.ResultCorrupt, code.ToPrimary() == sqlite.ResultNotADB:
		c.report(Damage{File: c.path, Reason: code.Message()})
	default:
		return err
	}
	return nil
}

// log checks that no commits are missing. A worker may restart the write-ahead log
// meanwhile.
func (c *checker) log() (err error) {
	for range 3 {
		if err = sqlitex.ExecuteTransient(c.conn, "PRAGMA "+pages.CheckWAL, nil); err == nil {
			return nil
		}
	}
	return err
}

// pages reads every page.
func (c *checker) pages() error {
	total, err := number(c.conn, "PRAGMA page_count")
	for page := int64(1); page <= total && err == nil; page++ {
		err = c.unlessDamage(each(c.conn, "SELECT 1 FROM sqlite_dbpage WHERE pgno = ? AND data IS NOT NULL", func(stmt *sqlite.Stmt) {
			stmt.BindInt64(1, page)
		}, func(*sqlite.Stmt) error { return nil }))
		c.checked.Pages++
		c.progress(Checking{"pages", page, total})
	}
	return err
}

// structure has SQLite check its trees and indexes.
func (c *checker) structure() error {
	c.progress(Checking{Step: "structure"})
	if c.checked.Damaged > 0 {
		return nil // it would name the damaged pages again
	}
	return each(c.conn, "PRAGMA integrity_check", nothing, func(row *sqlite.Stmt) error {
		if said := row.ColumnText(0); said != "ok" {
			c.report(Damage{File: c.path, Reason: said})
		}
		return nil
	})
}

// collections returns the steps that check the documents of each collection.
func (c *checker) collections() (steps []func() error) {
	for _, name := range persistence.Collections {
		if name != persistence.Nodes { // which a data folder does not have
			steps = append(steps, func() error { return c.collection(name) })
		}
	}
	return steps
}

func (c *checker) collection(name string) error {
	total, err := number(c.conn, "SELECT count(*) FROM "+name)
	if err != nil {
		return err
	}
	done := int64(0)
	return each(c.conn, storedQuery(name), nothing, func(row *sqlite.Stmt) error {
		if err := checkStored(name, row); err != nil {
			c.report(Damage{Collection: name, Row: row.ColumnInt64(0), Reason: err.Error()})
		}
		done++
		c.checked.Documents++
		c.progress(Checking{name, done, total})
		return nil
	})
}

// mismatch is the reason of a column that does not match its document.
func mismatch(column string, stored, want any) error {
	return fmt.Errorf("the column %s is %.100q, by the document it is %.100q", column, fmt.Sprint(stored), fmt.Sprint(want))
}
