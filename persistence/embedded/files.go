package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/persistence/embedded/internal/pages"
)

// The files in a data folder; SQLite and the package pages keep more beside the database.
const (
	fileName = "event-worker.db"
	lockName = "event-worker.lock"
)

// beside are the ends of the names of the files beside the database.
var beside = []string{"-wal", "-shm", "-journal", pages.MarkSuffix}

// The files may contain what is not for all users of the machine, such as webhooks' bodies.
const (
	private       = 0o600
	privateFolder = 0o700
)

// layer is the name of the VFS that verifies pages.
const layer = "event-worker"

// register registers layer, once in a process.
var register = sync.OnceValue(func() error {
	return pages.Register(layer, pages.Config{Application: applicationID, Since: checksumsSince})
})

// openConn opens a database by a VFS: layer, except in tests.
func openConn(path, vfs string, flags sqlite.OpenFlags) (*sqlite.Conn, error) {
	if err := register(); err != nil {
		return nil, err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := "file:" + (&url.URL{Path: full}).EscapedPath() + "?vfs=" + url.QueryEscape(vfs)
	conn, err := sqlite.OpenConn(name, flags|sqlite.OpenURI)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(busyTimeout)
	return conn, nil
}

// protect creates the database's file, if it does not exist, and makes the files accessible
// for their owner only. SQLite creates the other ones with the permissions of the database.
func protect(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, private)
	switch {
	case err == nil:
		err = file.Close() // nothing has locked a file that did not exist
	case errors.Is(err, fs.ErrExist):
		err = nil
	}
	for _, suffix := range append([]string{""}, beside...) {
		if err == nil {
			err = tighten(path + suffix)
		}
	}
	return err
}

// tighten removes the permissions of others from a file, if it exists.
func tighten(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.Mode().Perm() == private) {
		return nil
	}
	if err == nil {
		err = os.Chmod(path, private)
	}
	return err
}

// hasChecksums reports whether the pages of a database have checksums: databases of
// versions before checksumsSince have none until they are converted.
func hasChecksums(conn *sqlite.Conn) (bool, error) {
	n, err := number(conn, "SELECT hex(substr(data, 21, 1)) = '08' FROM sqlite_dbpage WHERE pgno = 1")
	return n == 1, err
}

// addChecksums rewrites a database with checksums, in one transaction: after a crash the
// database is as before. The connection must not be used afterwards.
func addChecksums(conn *sqlite.Conn) error {
	for _, statement := range []string{
		"PRAGMA journal_mode = DELETE", // the layout of pages cannot change in WAL mode
		"PRAGMA " + pages.Pragma,
		"VACUUM",
	} {
		if err := sqlitex.ExecuteTransient(conn, statement, nil); err != nil {
			return fmt.Errorf("adding checksums, with no other process reading: %w", err)
		}
	}
	return nil
}
