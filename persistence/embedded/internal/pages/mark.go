package pages

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/internal/failpoint"
	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

// MarkSuffix is the end of the mark's name, after that of the database.
const MarkSuffix = "-mark"

// commit is the mark of the last commit.
type commit struct {
	of    generation
	frame uint32 // the last one
	page  uint32 // in that frame
	sum   uint64 // of the page
}

// copied is the mark of the last checkpoint.
type copied struct {
	of       generation
	frame    uint32 // the last one, if the checkpoint is complete
	complete bool
}

// The mark consists of two records, as two processes may write them at the same time: a
// commit has SQLite's write lock, a checkpoint its checkpoint lock. Each has two places in
// different sectors, which are written in turns: a write that fails leaves the other one.
const (
	commitAt    = 0
	copiedAt    = 4096
	placesApart = 2048
	recordSize  = 48
)

const markMagic = "IMEWmark"

func (c commit) encode(b []byte) {
	copy(b, markMagic)
	copy(b[8:], c.of[:])
	binary.BigEndian.PutUint32(b[16:], c.frame)
	binary.BigEndian.PutUint32(b[20:], c.page)
	binary.BigEndian.PutUint64(b[24:], c.sum)
}

// seal numbers a record that follows another one, and completes it.
func seal(b []byte, number uint64) {
	binary.BigEndian.PutUint64(b[32:], number)
	binary.BigEndian.PutUint64(b[40:], xxhash.Sum64(b[:40]))
}

// sealed returns the number of a record; 0 if it does not exist or is damaged.
func sealed(b []byte) uint64 {
	if string(b[:8]) != markMagic || binary.BigEndian.Uint64(b[40:]) != xxhash.Sum64(b[:40]) {
		return 0
	}
	return binary.BigEndian.Uint64(b[32:])
}

func (c copied) encode(b []byte) {
	of := commit{of: c.of, frame: c.frame}
	if c.complete {
		of.page = 1
	}
	of.encode(b)
}

func decodeCommit(b []byte) commit {
	return commit{generation(b[8:16]), be32(b[16:]), be32(b[20:]), binary.BigEndian.Uint64(b[24:])}
}

func decodeCopied(b []byte) copied {
	c := decodeCommit(b)
	return copied{c.of, c.frame, c.page == 1}
}

// newest reads the newest record of the two places from an offset on, and returns its number,
// 0 if there is none, and the offset of the other place.
func (m base) newest(b []byte, from int64) (number uint64, other int64, rc int32) {
	if rc := whole(m.read(b, from+placesApart)); rc != lib.SQLITE_OK {
		return 0, 0, rc
	}
	second := sealed(b)
	if rc := whole(m.read(b, from)); rc != lib.SQLITE_OK {
		return 0, 0, rc
	}
	if first := sealed(b); first >= second {
		return first, from + placesApart, lib.SQLITE_OK
	}
	return second, from, whole(m.read(b, from+placesApart))
}

// replace writes a record in place of the older one from an offset on.
func (m base) replace(b []byte, from int64, encode func([]byte)) int32 {
	number, other, rc := m.newest(b, from)
	if rc != lib.SQLITE_OK {
		return rc
	}
	encode(b)
	seal(b, number+1)
	return m.write(b, other)
}

func (f *file) markCommit(tls *libc.TLS, c commit) int32 {
	defer failpoint.Around("", "mark of a commit")()
	m, rc := f.openMark(tls, lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_CREATE)
	if rc != lib.SQLITE_OK {
		return rc
	}
	return m.replace(f.scratch[:recordSize], commitAt, c.encode)
}

func (f *file) markCheckpoint(tls *libc.TLS, c copied) int32 {
	defer failpoint.Around("", "mark of a checkpoint")()
	m, rc := f.openMark(tls, lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_CREATE)
	if rc != lib.SQLITE_OK {
		return rc
	}
	if rc := m.replace(f.scratch[:recordSize], copiedAt, c.encode); rc != lib.SQLITE_OK {
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
	if rc != lib.SQLITE_OK {
		return found, rc
	}
	number, _, rc := m.newest(b, commitAt)
	found.commit, found.hasCommit = decodeCommit(b), number > 0
	if rc != lib.SQLITE_OK {
		return found, rc
	}
	number, _, rc = m.newest(b, copiedAt)
	found.copied, found.hasCopied = decodeCopied(b), number > 0
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
