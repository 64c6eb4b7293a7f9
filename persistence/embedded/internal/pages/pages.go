// Package pages is a layer between SQLite and its files that notices damage. It is an
// SQLite VFS on top of another one.
//
// Every page ends in 8 reserved bytes: a checksum over its content and its number. The
// layer computes it when a page is written to the write-ahead log (WAL), before the
// checksum of the WAL's frame, and verifies it when a page is read from the WAL or from the
// database, and when a checkpoint copies it from one to the other. A page that does not
// match is SQLITE_IOERR_DATA, and Damage says which one it is.
//
// # Commits that the WAL has lost
//
// After a crash SQLite uses the frames of the WAL up to the first bad one, and silently
// drops all commits after it. If a checkpoint had copied some of those to the database, the
// database would be a mix of two commits, with valid pages only. So a file beside the
// database, the mark, contains
//   - the last commit: the checksum of the WAL's header, the number of the commit's last frame, and the number
//     and checksum of the page in it. It is written when the frame has been synced, but not
//     synced itself: it may be old after a power cut, but what it says is true;
//   - the last checkpoint: the same checksum, the last frame that was copied, and whether the
//     copy is complete. It is synced before the checkpoint's first write, and again after the
//     database has been synced: SQLite reuses or deletes the WAL only after that.
//
// Recovery fails unless
//   - the valid frames of the WAL, if it has the header of the mark, include those of the mark;
//   - the database, if the WAL is missing, unreadable or has another header, contains the last
//     commit: its checkpoint is complete or, if another program has made it, the database
//     contains the page of the commit's last frame.
//
// Frames after the last commit prove nothing: an interrupted transaction leaves such
// frames.
package pages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

const (
	// Size is the size of a page in bytes.
	Size = 8192
	// reserved is the number of bytes at the end of a page that SQLite leaves alone.
	reserved = 8
	// lockPage is the page at 1 GiB, which SQLite locks and never reads or writes.
	lockPage = 1<<30/Size + 1
)

// checksum is the checksum of a page.
func checksum(number uint32, page []byte) uint64 {
	const prime = 0x9e3779b97f4a7c15
	return xxhash.Sum64(page[:Size-reserved]) ^ uint64(number)*prime
}

// sign writes its checksum into a page.
func sign(number uint32, page []byte) {
	binary.BigEndian.PutUint64(page[Size-reserved:], checksum(number, page))
}

func signature(page []byte) uint64 { return binary.BigEndian.Uint64(page[Size-reserved:]) }

func signed(number uint32, page []byte) bool {
	return signature(page) == checksum(number, page)
}

// Config describes the databases of a VFS.
type Config struct {
	// Base is the name of the VFS that accesses the files; empty for the system's.
	Base string
	// Databases with Application as their application_id, and a user_version of at least
	// Since, have checksums. So have those with 8 reserved bytes. Others are not verified.
	Application, Since uint32
}

// verified reports whether the database with a header has checksums. A single damaged bit
// of the header does not change the answer.
func (c Config) verified(header []byte) bool {
	number := binary.BigEndian.Uint32
	return header[20] == reserved || number(header[68:]) == c.Application && number(header[60:]) >= c.Since
}

// Error is the damage of a file.
type Error struct {
	File   string // its path
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.File, e.Reason) }

// Scan calls damaged with the number of each page of a database that does not match its
// checksum, and returns how many pages there are. Nothing may write to the database.
func Scan(database io.Reader, damaged func(number int64)) (pages int64, err error) {
	for page := make([]byte, Size); ; {
		n, err := io.ReadFull(database, page)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return pages, err
		}
		if pages++; pages != lockPage && (n < Size || !signed(uint32(pages), page)) {
			damaged(pages)
		}
	}
}

// Mismatch is the reason of a damaged page.
func Mismatch(page int64) string { return fmt.Sprintf("page %d does not match its checksum", page) }
