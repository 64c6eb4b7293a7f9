package pages

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/internal/failpoint"
	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

const (
	walHeader   = 32
	frameHeader = 24
	frameSize   = frameHeader + Size
)

// file is the state of a file. It is in SQLite's memory, behind that of the underlying
// file.
type file struct {
	name     uintptr // of the file; of a temporary file 0
	vfs      uintptr
	readOnly bool

	// Of a database.
	on         bool    // pages have checksums
	converting bool    // pages are getting checksums: they are signed, but not verified
	playback   bool    // the journal is being rolled back: pages are written as they were read
	connection uintptr // the address of SQLite's pointer to the connection
	wal        uintptr // the WAL; 0 if it is not open
	mark       uintptr // the mark; 0 if it is not open
	markName   uintptr
	checkpoint checkpoint

	// Of a WAL or journal.
	database uintptr // the state of the database
	head     [walHeader]byte
	held     bool // header is not written yet: its checksum depends on the page
	header   [frameHeader]byte
	heldAt   int64
	commit   commit // of a frame that has been written but not synced

	scratch [frameSize]byte
}

// checkpoint is the copying of the WAL to the database by this connection.
type checkpoint struct {
	running bool
	writing bool   // pages have been written
	copied  bool   // all pages have been written
	last    uint32 // the last frame that was read
}

// state returns the state of a file.
func state(f uintptr) *file { return c.At[file](f + methodsOf(f).tail) }

func methodsOf(f uintptr) *methods { return c.At[methods](c.At[lib.Tsqlite3_file](f).FpMethods) }

// below returns the underlying file.
func below(tls *libc.TLS, f uintptr) base {
	return base{tls, f, c.At[lib.Tsqlite3_io_methods](methodsOf(f).base)}
}

// damaged records the damage of a file and returns the code of its error.
func (f *file) damaged(format string, args ...any) int32 {
	e := &Error{File: libc.GoString(f.name), Reason: fmt.Sprintf(format, args...)}
	registry.Lock()
	defer registry.Unlock()
	registry.damage[strings.TrimSuffix(e.File, "-wal")] = e
	return lib.SQLITE_IOERR_DATA
}

// Damage returns the damage that was last found in the files of a database; nil if there
// was none.
func Damage(path string) *Error {
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	if full, err := filepath.EvalSymlinks(path); err == nil {
		path = full
	}
	registry.Lock()
	defer registry.Unlock()
	return registry.damage[path]
}

// decide decides by the first page of a database whether its pages have checksums.
func (f *file) decide(page []byte) {
	v := c.At[vfs](f.vfs)
	f.on = Config{Application: v.config.application, Since: v.config.since}.verified(page)
}

// wholePage returns the number of the page that a transfer consists of; 0 if it is
// something else.
func wholePage(n int32, offset int64) uint32 {
	if n != Size || offset%Size != 0 {
		return 0
	}
	return uint32(offset/Size) + 1
}

// pageSize returns the page size that the first page of a database names, as SQLite encodes
// it: 65,536 as 1.
func pageSize(first []byte) int {
	return int(first[16])<<8 | int(first[17])<<16
}

func readDatabase(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	s, page := state(f), c.Bytes(buf, int(n))
	rc := below(tls, f).read(page, offset)
	if offset == 0 && n >= 100 && rc == lib.SQLITE_OK {
		s.decide(page)
	}
	if !s.on || s.converting || rc != lib.SQLITE_OK && rc != lib.SQLITE_IOERR_SHORT_READ {
		return rc
	}
	number := wholePage(n, offset)
	switch {
	case number == 0 && n >= 512 && pageSize(page) != Size:
		return s.damaged("page 1 names a page size of %d bytes instead of %d", pageSize(page), Size)
	case number == 0 || number == lockPage: // SQLite looks for the page size: the file was empty a moment ago
		return rc
	case rc != lib.SQLITE_OK:
		return s.damaged("page %d is missing: the file is cut off", number)
	case !signed(number, page):
		return s.damaged("%s", Mismatch(int64(number)))
	}
	return rc
}

func writeDatabase(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	defer failpoint.Around("", "write to the database")()
	s, page := state(f), c.Bytes(buf, int(n))
	if offset == 0 && n >= 100 {
		s.decide(page)
	}
	number := wholePage(n, offset)
	switch {
	case number == 0 || !s.on && !s.converting:
	case s.checkpoint.running:
		if !signed(number, page) {
			return s.damaged("the write-ahead log has another page in place of page %d", number)
		}
		if rc := s.beginCopy(tls); rc != lib.SQLITE_OK {
			return rc
		}
	case !s.playback:
		sign(number, page)
	}
	return below(tls, f).write(page, offset)
}

// beginCopy marks the checkpoint as incomplete before its first write.
func (f *file) beginCopy(tls *libc.TLS) int32 {
	if f.checkpoint.writing || f.wal == 0 {
		return lib.SQLITE_OK
	}
	f.checkpoint.writing = true
	w := state(f.wal)
	if rc := w.readHead(tls, f.wal); rc != lib.SQLITE_OK {
		return rc
	}
	return f.markCheckpoint(tls, copied{of: w.generation()})
}

func syncDatabase(tls *libc.TLS, f uintptr, flags int32) int32 {
	defer failpoint.Around("", "sync of the database")()
	s, b := state(f), below(tls, f)
	rc := c.Function[syncFunc](b.methods.FxSync)(tls, f, flags)
	if rc != lib.SQLITE_OK || !s.checkpoint.copied || s.wal == 0 {
		return rc
	}
	// SQLite syncs the database after a checkpoint only if it has copied all of the WAL.
	s.checkpoint.copied = false
	return s.markCheckpoint(tls, copied{of: state(s.wal).generation(), frame: s.checkpoint.last, complete: true})
}

func control(tls *libc.TLS, f uintptr, op int32, arg uintptr) int32 {
	s := state(f)
	switch op {
	case lib.SQLITE_FCNTL_PDB:
		s.connection = arg
	case lib.SQLITE_FCNTL_CKPT_START:
		s.checkpoint = checkpoint{running: true}
	case lib.SQLITE_FCNTL_CKPT_DONE:
		s.checkpoint.running, s.checkpoint.copied = false, s.checkpoint.writing
	case lib.SQLITE_FCNTL_PRAGMA:
		switch libc.GoString(*c.At[uintptr](arg + unsafe.Sizeof(arg))) {
		case Pragma:
			return s.convert(tls, f)
		case CheckWAL:
			return s.findLostCommits(tls, f)
		}
	}
	return c.Function[controlFunc](below(tls, f).methods.FxFileControl)(tls, f, op, arg)
}

// Pragma makes the pages of a database that are written afterwards have checksums. It is
// for an empty database, or before a VACUUM outside of WAL mode, after which the connection
// must be closed.
const Pragma = "page_checksums"

// CheckWAL is a pragma that fails if the WAL has lost commits. The caller should be
// reading, so that other processes keep the WAL, and try again: another process may restart
// it nevertheless.
const CheckWAL = "check_wal"

func (f *file) findLostCommits(tls *libc.TLS, database uintptr) int32 {
	if f.wal == 0 || !f.on {
		return lib.SQLITE_OK
	}
	found, rc := f.readMarks(tls)
	if rc != lib.SQLITE_OK {
		return rc
	}
	last, valid, rc := state(f.wal).lastCommit(tls, f.wal)
	if rc != lib.SQLITE_OK {
		return rc
	}
	return f.compare(tls, database, found, last, valid)
}

func (f *file) convert(tls *libc.TLS, database uintptr) int32 {
	if f.connection == 0 {
		return lib.SQLITE_ERROR
	}
	size, rc := below(tls, database).size()
	if rc != lib.SQLITE_OK {
		return rc
	}
	if f.converting = size > 0; !f.converting {
		if found, rc := f.readMarks(tls); rc != lib.SQLITE_OK {
			return rc
		} else if found.hasCommit || found.hasCopied {
			return f.damaged("it is empty, although there were commits")
		}
	}
	n := tls.Alloc(4)
	defer tls.Free(4)
	*c.At[int32](n) = reserved
	return lib.Xsqlite3_file_control(tls, *c.At[uintptr](f.connection), 0, lib.SQLITE_FCNTL_RESERVE_BYTES, n)
}

func properties(tls *libc.TLS, f uintptr) int32 {
	all := c.Function[propertiesFunc](below(tls, f).methods.FxDeviceCharacteristics)(tls, f)
	return all &^ lib.SQLITE_IOCAP_SUBPAGE_READ // a part of a page cannot be verified
}

func closeDatabase(tls *libc.TLS, f uintptr) int32 {
	state(f).closeMark(tls)
	return below(tls, f).close()
}

// readJournal notices that the journal is being rolled back. The pages in it may be without
// checksums, and use the bytes reserved for them otherwise.
func readJournal(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	if s := state(f); n == Size {
		c.At[file](s.database).playback = true
	}
	return below(tls, f).read(c.Bytes(buf, int(n)), offset)
}

func writeJournal(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	c.At[file](state(f).database).playback = false
	return below(tls, f).write(c.Bytes(buf, int(n)), offset)
}

// be32 reads a number as SQLite stores it.
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
