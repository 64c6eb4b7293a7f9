package pages

import (
	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

// recoverLock is the lock that SQLite holds while it reads the WAL after a crash, or when
// the first connection opens the database.
const recoverLock = 2

func lockShared(tls *libc.TLS, f uintptr, offset, n, flags int32) int32 {
	lock := c.Function[shmLockFunc](below(tls, f).methods.FxShmLock)
	rc := lock(tls, f, offset, n, flags)
	const exclusive = lib.SQLITE_SHM_LOCK | lib.SQLITE_SHM_EXCLUSIVE
	s := state(f)
	if rc != lib.SQLITE_OK || flags != exclusive || offset > recoverLock || offset+n <= recoverLock || s.wal == 0 || !s.on {
		return rc
	}
	if rc = s.checkWAL(tls, f); rc != lib.SQLITE_OK {
		lock(tls, f, offset, n, lib.SQLITE_SHM_UNLOCK|lib.SQLITE_SHM_EXCLUSIVE)
	}
	return rc
}

// checkWAL fails if the WAL has lost commits; the package's comment has the rule.
func (f *file) checkWAL(tls *libc.TLS, database uintptr) int32 {
	found, rc := f.readMarks(tls)
	if rc != lib.SQLITE_OK {
		return rc
	}
	w := state(f.wal)
	last, valid, rc := w.lastCommit(tls, f.wal)
	if rc == lib.SQLITE_OK {
		rc = f.compare(tls, database, found, last, valid)
	}
	if rc != lib.SQLITE_OK || !valid {
		return rc
	}
	synced := uint32(0)
	if found.hasCommit && found.commit.of == w.generation() {
		synced = found.commit.frame
	}
	return w.rewrite(tls, f.wal, synced+1, last)
}

// rewrite writes frames again that may never have been synced successfully: after a failed
// sync the system can show what it will not write any more. Later commits depend on them.
func (f *file) rewrite(tls *libc.TLS, wal uintptr, first, last uint32) int32 {
	if first > last {
		return lib.SQLITE_OK
	}
	b, frame := below(tls, wal), f.scratch[:]
	for number := first; number <= last; number++ {
		if rc := b.read(frame, frameOffset(number)); rc != lib.SQLITE_OK {
			return rc
		}
		if rc := b.write(frame, frameOffset(number)); rc != lib.SQLITE_OK {
			return rc
		}
	}
	return b.sync()
}

// compare compares the frames of the WAL with the mark.
func (f *file) compare(tls *libc.TLS, database uintptr, found marks, last uint32, valid bool) int32 {
	w := state(f.wal)
	at, done := found.commit, found.copied
	switch {
	case valid && found.hasCommit && at.of == w.generation():
		if last < at.frame {
			return w.damaged("commits are lost: frames are valid up to %d, but %d were committed", last, at.frame)
		}
	case valid && found.hasCopied && done.of == w.generation():
		if last < done.frame {
			return w.damaged("commits are lost: frames are valid up to %d, but %d were copied to the database", last, done.frame)
		}
	case found.hasCopied && !done.complete:
		return w.damaged("it is missing or replaced, although not all of it had been copied to the database")
	case !found.hasCommit || found.hasCopied && done.of == at.of && done.frame >= at.frame:
	default:
		return f.findCommit(tls, database, at)
	}
	return lib.SQLITE_OK
}

// findCommit fails unless the database contains the last page of a commit.
func (f *file) findCommit(tls *libc.TLS, database uintptr, at commit) int32 {
	page := f.scratch[:Size]
	rc := below(tls, database).read(page, int64(at.page-1)*Size)
	switch {
	case rc != lib.SQLITE_OK && rc != lib.SQLITE_IOERR_SHORT_READ:
		return rc
	case rc == lib.SQLITE_OK && signature(page) == at.sum && signed(at.page, page):
		return rc
	}
	return state(f.wal).damaged("it is missing or replaced, although its last commit has not been copied to the database")
}

// lastCommit reads the WAL as SQLite's recovery does, and returns the number of the last
// frame that SQLite will use; false without a valid header.
func (f *file) lastCommit(tls *libc.TLS, wal uintptr) (last uint32, valid bool, rc int32) {
	if rc := f.readHead(tls, wal); rc != lib.SQLITE_OK || !validHead(f.head[:]) {
		return 0, false, whole(rc)
	}
	b, frame, sum := below(tls, wal), f.scratch[:], storedSum(f.head[24:])
	for number := uint32(1); ; number++ {
		rc := b.read(frame, frameOffset(number))
		if rc == lib.SQLITE_IOERR_SHORT_READ {
			return last, true, lib.SQLITE_OK
		}
		if rc != lib.SQLITE_OK {
			return last, true, rc
		}
		sum = sum.add(f.head[:], frame[:8]).add(f.head[:], frame[frameHeader:])
		if salts(frame[8:16]) != f.salts() || be32(frame) == 0 || sum != storedSum(frame[16:]) {
			return last, true, lib.SQLITE_OK
		}
		if be32(frame[4:]) != 0 {
			last = number
		}
	}
}
