package pages

import (
	"encoding/binary"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/internal/failpoint"
	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

// salts distinguish the frames of a WAL from those that it had before its last restart.
type salts [8]byte

func (f *file) salts() salts { return salts(f.head[16:24]) }

// generation identifies the WAL between two restarts: the checksum of its header, which covers
// the salts and the number of restarts. After a restart that a power cut has interrupted, the
// next one has the same salts.
type generation [8]byte

func (f *file) generation() generation { return generation(f.head[24:32]) }

func frameOffset(number uint32) int64 { return walHeader + int64(number-1)*frameSize }

// frameAt returns the number of the frame that contains an offset, and the offset in it.
func frameAt(offset int64) (number uint32, within int64) {
	return uint32((offset-walHeader)/frameSize) + 1, (offset - walHeader) % frameSize
}

// walSum is the running checksum of a WAL.
type walSum [2]uint32

// add continues the checksum with words in the byte order that the WAL's header names.
func (s walSum) add(head, b []byte) walSum {
	if head[3]&1 != 0 {
		for ; len(b) >= 8; b = b[8:] {
			s[0] += binary.BigEndian.Uint32(b) + s[1]
			s[1] += binary.BigEndian.Uint32(b[4:8]) + s[0]
		}
		return s
	}
	for ; len(b) >= 8; b = b[8:] {
		s[0] += binary.LittleEndian.Uint32(b) + s[1]
		s[1] += binary.LittleEndian.Uint32(b[4:8]) + s[0]
	}
	return s
}

func storedSum(b []byte) walSum { return walSum{be32(b), be32(b[4:])} }

func (s walSum) store(b []byte) {
	binary.BigEndian.PutUint32(b, s[0])
	binary.BigEndian.PutUint32(b[4:], s[1])
}

// validHead reports whether SQLite accepts a WAL's header.
func validHead(head []byte) bool {
	return be32(head)&^1 == 0x377f0682 && be32(head[8:]) == Size && walSum{}.add(head, head[:24]) == storedSum(head[24:])
}

func (f *file) readHead(tls *libc.TLS, wal uintptr) int32 {
	return below(tls, wal).read(f.head[:], 0)
}

// readWAL and writeWAL forget a commit that has failed before its sync.
func readWAL(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	rc := readFrame(tls, f, buf, n, offset)
	if rc != lib.SQLITE_OK {
		state(f).commit = commit{}
	}
	return rc
}

func writeWAL(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	rc := writePart(tls, f, buf, n, offset)
	if rc != lib.SQLITE_OK {
		state(f).commit = commit{}
	}
	return rc
}

func readFrame(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	s, b := state(f), below(tls, f)
	if rc := s.writeHeld(b); rc != lib.SQLITE_OK {
		return rc
	}
	number, within := frameAt(offset)
	d := c.At[file](s.database)
	if n != Size || within != frameHeader || !d.on {
		return b.read(c.Bytes(buf, int(n)), offset)
	}
	frame := s.scratch[:]
	rc := b.read(frame, frameOffset(number))
	switch {
	case rc == lib.SQLITE_IOERR_SHORT_READ:
		return s.damaged("frame %d is missing: the file is cut off", number)
	case rc != lib.SQLITE_OK:
		return rc
	case !signed(be32(frame), frame[frameHeader:]):
		return s.damaged("frame %d does not match the checksum of its page", number)
	case salts(frame[8:16]) != s.salts():
		if rc := s.readHead(tls, f); rc != lib.SQLITE_OK {
			return rc
		}
		if salts(frame[8:16]) != s.salts() {
			return s.damaged("frame %d is not the one that was written last", number)
		}
	}
	copy(c.Bytes(buf, int(n)), frame[frameHeader:])
	if d.checkpoint.running {
		d.checkpoint.last = max(d.checkpoint.last, number)
	}
	return rc
}

// writePart holds a frame's header back until its page is signed. The checksum of the WAL,
// which SQLite has computed for the unsigned page, is computed again from the frame before:
// its own idea of it does not matter.
func writePart(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	defer failpoint.Around("", "write to the WAL")()
	s, b, page := state(f), below(tls, f), c.Bytes(buf, int(n))
	number, within := frameAt(offset)
	switch {
	case !c.At[file](s.database).on:
		return b.write(page, offset)
	case n == Size && within == frameHeader && s.held && s.heldAt == offset-frameHeader:
		s.held = false
		return s.writeFrame(b, number, page)
	}
	if rc := s.writeHeld(b); rc != lib.SQLITE_OK {
		return rc
	}
	switch {
	case offset == 0 && n == walHeader:
		s.head = [walHeader]byte(page)
	case n == frameHeader && within == 0:
		s.held, s.heldAt = true, offset
		s.header = [frameHeader]byte(page)
		return lib.SQLITE_OK
	case n == Size && within == frameHeader: // SQLite computes the checksums of the WAL later
		header := s.scratch[:frameHeader]
		if rc := b.read(header, offset-frameHeader); rc != lib.SQLITE_OK {
			return rc
		}
		sign(be32(header), page)
	}
	return b.write(page, offset)
}

// writeFrame writes a page and the header that was held.
func (f *file) writeFrame(b base, number uint32, page []byte) int32 {
	header := f.scratch[:frameHeader]
	copy(header, f.header[:])
	if salts(header[8:16]) != f.salts() {
		if rc := b.read(f.head[:], 0); rc != lib.SQLITE_OK {
			return rc
		}
	}
	before := f.head[24:32]
	if number > 1 {
		before = f.scratch[frameHeader : frameHeader+8]
		if rc := b.read(before, frameOffset(number-1)+16); rc != lib.SQLITE_OK {
			return rc
		}
	}
	sum := storedSum(before)
	sign(be32(header), page)
	copy(f.scratch[frameHeader:], page)
	sum.add(f.head[:], header[:8]).add(f.head[:], page).store(header[16:])
	f.commit = commit{}
	if be32(header[4:]) != 0 {
		f.commit = commit{of: f.generation(), frame: number, page: be32(header), sum: signature(page)}
	}
	return b.write(f.scratch[:], frameOffset(number))
}

// writeHeld writes a held header as it is: no page follows.
func (f *file) writeHeld(b base) int32 {
	if !f.held {
		return lib.SQLITE_OK
	}
	f.held = false
	return b.write(f.header[:], f.heldAt)
}

func syncWAL(tls *libc.TLS, f uintptr, flags int32) int32 {
	defer failpoint.Around("", "sync of the WAL")()
	s, b := state(f), below(tls, f)
	if rc := s.writeHeld(b); rc != lib.SQLITE_OK {
		return rc
	}
	done := s.commit
	s.commit = commit{}
	if rc := c.Function[syncFunc](b.methods.FxSync)(tls, f, flags); rc != lib.SQLITE_OK || done.frame == 0 {
		return rc
	}
	return c.At[file](s.database).markCommit(tls, done)
}

func truncateWAL(tls *libc.TLS, f uintptr, size int64) int32 {
	defer failpoint.Around("", "truncation of the WAL")()
	b := below(tls, f)
	if rc := state(f).writeHeld(b); rc != lib.SQLITE_OK {
		return rc
	}
	return c.Function[truncateFunc](b.methods.FxTruncate)(tls, f, size)
}

func sizeOfWAL(tls *libc.TLS, f, size uintptr) int32 {
	b := below(tls, f)
	if rc := state(f).writeHeld(b); rc != lib.SQLITE_OK {
		return rc
	}
	return c.Function[fileSizeFunc](b.methods.FxFileSize)(tls, f, size)
}

func closeWAL(tls *libc.TLS, f uintptr) int32 {
	s, b := state(f), below(tls, f)
	rc := s.writeHeld(b)
	c.At[file](s.database).wal = 0
	return max(rc, b.close())
}
