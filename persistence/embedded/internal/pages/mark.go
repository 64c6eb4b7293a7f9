package pages

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

// MarkSuffix is the end of the mark's name, after that of the database.
const MarkSuffix = "-mark"

// commit is the mark of the last commit.
type commit struct {
	salts salts
	frame uint32 // the last one
	page  uint32 // in that frame
	sum   uint64 // of the page
}

// copied is the mark of the last checkpoint.
type copied struct {
	salts    salts
	frame    uint32 // the last one, if the checkpoint is complete
	complete bool
}

// The mark consists of two records in different sectors, as two processes may write them at
// the same time: a commit has SQLite's write lock, a checkpoint its checkpoint lock.
const (
	commitAt   = 0
	copiedAt   = 4096
	recordSize = 40
)

const markMagic = "IMEWmark"

func (c commit) encode(b []byte) {
	copy(b, markMagic)
	copy(b[8:], c.salts[:])
	binary.BigEndian.PutUint32(b[16:], c.frame)
	binary.BigEndian.PutUint32(b[20:], c.page)
	binary.BigEndian.PutUint64(b[24:], c.sum)
	binary.BigEndian.PutUint64(b[32:], xxhash.Sum64(b[:32]))
}

func (c copied) encode(b []byte) {
	of := commit{salts: c.salts, frame: c.frame}
	if c.complete {
		of.page = 1
	}
	of.encode(b)
}

// decodeCommit returns false for a record that does not exist or is damaged.
func decodeCommit(b []byte) (c commit, ok bool) {
	if string(b[:8]) != markMagic || binary.BigEndian.Uint64(b[32:]) != xxhash.Sum64(b[:32]) {
		return commit{}, false
	}
	return commit{salts(b[8:16]), be32(b[16:]), be32(b[20:]), binary.BigEndian.Uint64(b[24:])}, true
}

func decodeCopied(b []byte) (copied, bool) {
	c, ok := decodeCommit(b)
	return copied{c.salts, c.frame, c.page == 1}, ok
}

func (f *file) markCommit(tls *libc.TLS, c commit) int32 {
	m, rc := f.openMark(tls, lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_CREATE)
	if rc != lib.SQLITE_OK {
		return rc
	}
	b := f.scratch[:recordSize]
	c.encode(b)
	return m.write(b, commitAt)
}

func (f *file) markCheckpoint(tls *libc.TLS, c copied) int32 {
	m, rc := f.openMark(tls, lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_CREATE)
	if rc != lib.SQLITE_OK {
		return rc
	}
	b := f.scratch[:recordSize]
	c.encode(b)
	if rc := m.write(b, copiedAt); rc != lib.SQLITE_OK {
		return rc
	}
	return m.sync()
}

// marks are the records of a mark.
type marks struct {
	commit               commit
	copied               copied
	hasCommit, hasCopied bool
}

// readMarks reads the mark. Without one, or with a damaged one, nothing can be concluded.
func (f *file) readMarks(tls *libc.TLS) (found marks, rc int32) {
	m, rc := f.openMark(tls, lib.SQLITE_OPEN_READWRITE)
	if rc != lib.SQLITE_OK {
		m, rc = f.openMark(tls, lib.SQLITE_OPEN_READONLY)
	}
	if rc&0xff == lib.SQLITE_CANTOPEN {
		return found, lib.SQLITE_OK
	}
	b := f.scratch[:recordSize]
	if rc == lib.SQLITE_OK {
		rc = whole(m.read(b, commitAt))
		found.commit, found.hasCommit = decodeCommit(b)
	}
	if rc == lib.SQLITE_OK {
		rc = whole(m.read(b, copiedAt))
		found.copied, found.hasCopied = decodeCopied(b)
	}
	return found, rc
}

// whole accepts the end of a file: SQLite fills the rest with zeros.
func whole(rc int32) int32 {
	if rc == lib.SQLITE_IOERR_SHORT_READ {
		return lib.SQLITE_OK
	}
	return rc
}

// openMark opens the mark unless it is open.
func (f *file) openMark(tls *libc.TLS, flags int32) (base, int32) {
	under := c.At[vfs](f.vfs).base
	if f.mark == 0 {
		name, err := libc.CString(libc.GoString(f.name) + MarkSuffix)
		if err != nil {
			return base{}, lib.SQLITE_NOMEM
		}
		memory := libc.Xcalloc(tls, 1, libc.Tsize_t(c.At[lib.Tsqlite3_vfs](under).FszOsFile))
		if memory == 0 {
			libc.Xfree(tls, name)
			return base{}, lib.SQLITE_NOMEM
		}
		rc := c.Function[openFunc](c.At[lib.Tsqlite3_vfs](under).FxOpen)(tls, under, name, memory, flags|lib.SQLITE_OPEN_WAL, 0)
		if rc != lib.SQLITE_OK {
			libc.Xfree(tls, memory)
			libc.Xfree(tls, name)
			return base{}, rc
		}
		f.mark, f.markName = memory, name
	}
	return base{tls, f.mark, c.At[lib.Tsqlite3_io_methods](c.At[lib.Tsqlite3_file](f.mark).FpMethods)}, lib.SQLITE_OK
}

func (f *file) closeMark(tls *libc.TLS) {
	if f.mark == 0 {
		return
	}
	m, _ := f.openMark(tls, 0)
	m.close()
	libc.Xfree(tls, f.mark)
	libc.Xfree(tls, f.markName)
	f.mark = 0
}
