package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded/internal/pages"
)

// ErrNoData means that a folder contains no database yet.
var ErrNoData = errors.New("there is no event worker database")

// ErrInterrupted means that a process has died while it created or upgraded the database. The
// next process that writes undoes what it has written, and begins anew.
var ErrInterrupted = errors.New("its creation or upgrade was interrupted: event-worker run begins it anew")

// busyTimeout bounds the wait for another process, which locks the database only to
// recover after a crash.
const busyTimeout = 10 * time.Second

// busyStep is how often openWriter looks whether to go on waiting.
const busyStep = 100 * time.Millisecond

// Open opens the data folder for its only writer, and creates the folder if it does not
// exist. The error is persistence.ErrInUse if another process writes to the folder, and
// persistence.ErrUnfinishedCopy if the folder is an incomplete copy.
func Open(ctx context.Context, dir string) (*Store, error) {
	s, err := OpenCopy(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := s.refuseCopy(ctx, dir); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OpenCopy is Open for a process that copies into the data folder: it accepts an
// incomplete copy.
func OpenCopy(ctx context.Context, dir string) (*Store, error) { return openVia(ctx, dir, layer) }

func openVia(ctx context.Context, dir, vfs string) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, privateFolder); err != nil {
		return nil, unwritable(dir, err)
	}
	lock, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fileName)
	conn, err := openWriter(ctx, path, vfs)
	if err != nil {
		return nil, errors.Join(explain(path, err), lock.Unlock())
	}
	return newStore(path, vfs, lock, conn), nil
}

// OpenReader opens the data folder for queries only. Another process may write to it.
// The error is ErrNoData if the folder has never been written.
func OpenReader(dir string) (*Reader, error) {
	path := filepath.Join(dir, fileName)
	conn, err := openExisting(dir)
	if err != nil {
		return nil, err
	}
	if err := quickCheck(conn); err != nil {
		_ = conn.Close() // err explains more
		return nil, explain(path, err)
	}
	return &Reader{path: path, vfs: layer, idle: []*sqlite.Conn{conn}}, nil
}

// openExisting opens a database of this version for reading.
func openExisting(dir string) (*sqlite.Conn, error) {
	path := filepath.Join(dir, fileName)
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = ErrNoData
		}
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	conn, err := openConn(path, layer, sqlite.OpenReadOnly)
	if err != nil {
		return nil, explain(path, err)
	}
	version, err := inspect(conn)
	switch {
	case err != nil:
	case version == 0:
		err = ErrNoData
	case version < schemaVersion:
		err = errOlder
	}
	if err != nil {
		_ = conn.Close() // err explains more
		return nil, explain(path, err)
	}
	return conn, nil
}

func openWriter(ctx context.Context, path, vfs string) (*sqlite.Conn, error) {
	if err := protect(path); err != nil {
		return nil, err
	}
	for {
		conn, err := openConn(path, vfs, sqlite.OpenReadWrite|sqlite.OpenCreate)
		if err != nil {
			return nil, err
		}
		converted, err := prepareUnless(ctx, conn)
		if err == nil && !converted {
			conn.SetBusyTimeout(busyTimeout)
			return conn, nil
		}
		if err = errors.Join(err, conn.Close()); err != nil {
			return nil, err
		}
	}
}

// prepareUnless prepares the file unless the context ends, also while another process locks
// it. Each step is one transaction.
func prepareUnless(ctx context.Context, conn *sqlite.Conn) (converted bool, err error) {
	conn.SetInterrupt(ctx.Done())
	defer conn.SetInterrupt(nil)
	conn.SetBusyTimeout(busyStep)
	for begun := time.Now(); ; {
		converted, err := prepare(conn)
		switch {
		case err == nil:
			return converted, nil
		case ctx.Err() != nil:
			return false, ctx.Err()
		case sqlite.ErrCode(err).ToPrimary() != sqlite.ResultBusy, time.Since(begun) > busyTimeout:
			return false, err
		}
	}
}

// prepare inspects the file before changing anything: it may belong to another program. The
// connection cannot be used if the file has been converted.
func prepare(conn *sqlite.Conn) (converted bool, err error) {
	// The deletion of a journal is synced: rolled back after a power cut, it would undo later
	// commits in the WAL.
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA synchronous = EXTRA", nil); err != nil {
		return false, err
	}
	version, err := inspect(conn)
	if err != nil {
		return false, err
	}
	if version > 0 && version < checksumsSince {
		has, err := hasChecksums(conn)
		if err != nil {
			return false, err
		}
		if !has {
			return true, addChecksums(conn)
		}
	}
	if version == 0 {
		if err := create(conn); err != nil {
			return false, err
		}
	}
	if err := configure(conn); err != nil {
		return false, err
	}
	if version > 0 && version < schemaVersion {
		if err := upgrade(conn, version); err != nil {
			return false, err
		}
	}
	if err := quickCheck(conn); err != nil {
		return false, err
	}
	return false, startEra(conn)
}

// configure makes a commit durable before it returns, and checkpoints the write-ahead
// log every 64 MB. Larger pages take less time per document, and more writing per small
// commit.
func configure(conn *sqlite.Conn) error {
	for _, pragma := range []string{
		"PRAGMA journal_mode = WAL",
		"PRAGMA synchronous = FULL",
		"PRAGMA wal_autocheckpoint = 8000",
		"PRAGMA journal_size_limit = 67108864",
		"PRAGMA cache_size = -32768",
	} {
		if err := sqlitex.ExecuteTransient(conn, pragma, nil); err != nil {
			return err
		}
	}
	return nil
}

// How often and how long acquire waits for a process that holds the lock only to read it
// (InUse).
const (
	lockTries = 5
	lockPause = 20 * time.Millisecond
)

// acquire locks the folder for this process. The operating system releases the lock when
// the process ends, however it ends.
func acquire(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, lockName)
	lock := flock.New(path)
	locked, err := lock.TryLock()
	for tries := 0; err == nil && !locked && tries < lockTries; tries++ {
		time.Sleep(lockPause)
		locked, err = lock.TryLock()
	}
	if err != nil {
		return nil, unwritable(dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("data folder %s: %w%s: stop it or choose another folder", dir, persistence.ErrInUse, holder(path))
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), private); err != nil {
		return nil, errors.Join(unwritable(dir, err), lock.Unlock())
	}
	if err := tighten(path); err != nil {
		return nil, errors.Join(unwritable(dir, err), lock.Unlock())
	}
	return lock, nil
}

// holder names the process that holds a lock, if known.
func holder(path string) string {
	pid, err := os.ReadFile(path)
	if err != nil || len(pid) == 0 {
		return ""
	}
	return fmt.Sprintf(" (pid %.20s)", pid)
}

// resultDamaged is SQLITE_IOERR_DATA: a page does not match its checksum.
const resultDamaged sqlite.ResultCode = 10 | 32<<8

// remedy is what to do about damage.
const remedy = `: "event-worker check" lists all damage. Restore a backup or a copy of the data, or move the files event-worker.db* away to read everything from the chains again`

// damagedFile is the damage behind an error of SQLite, which says only that there is some.
type damagedFile struct {
	found *pages.Error
	err   error
}

func (e *damagedFile) Error() string {
	return e.found.File + " is damaged: " + e.found.Reason + remedy
}

func (e *damagedFile) Unwrap() error { return e.err }

func unwritable(dir string, err error) error {
	return fmt.Errorf("data folder %s cannot be written: %w: make it writable or choose another folder", dir, err)
}

// explain adds to an error of the database its meaning and a remedy.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, errForeign):
		return fmt.Errorf("%s is not an event worker database: %w: move it away or choose another folder", path, err)
	case errors.Is(err, errNewer), errors.Is(err, errOlder), errors.Is(err, ErrNoData):
		return fmt.Errorf("%s: %w", path, err)
	}
	if sqlite.ErrCode(err) == resultDamaged {
		if found := pages.Damage(path); found != nil {
			return &damagedFile{found, err}
		}
	}
	if sqlite.ErrCode(err) == sqlite.ResultReadOnlyRollback { // only a writer may roll a journal back
		return fmt.Errorf("%s: %w", path, ErrInterrupted)
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultNotADB:
		return fmt.Errorf("%s is not an event worker database: %w: move it away or choose another folder", path, err)
	case sqlite.ResultCorrupt:
		return fmt.Errorf("%s is damaged: %w%s", path, err, remedy)
	case sqlite.ResultFull:
		return fmt.Errorf("%s: %w: free space on the disk", path, err)
	case sqlite.ResultReadOnly, sqlite.ResultCantOpen, sqlite.ResultPerm, sqlite.ResultIOErr:
		return fmt.Errorf("%s cannot be read or written: %w: make it and its folder accessible or choose another folder", path, err)
	}
	return err
}
