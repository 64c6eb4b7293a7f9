package disk

import (
	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

// locks are the locks of a file.
type locks struct {
	readers  int
	reserved *handle
	pending  *handle
	writer   *handle
}

func lock(_ *libc.TLS, file uintptr, level int32) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	l := &h.file.locks
	for h.level < level {
		next := min(level, h.level+1)
		switch next {
		case lib.SQLITE_LOCK_SHARED:
			if l.pending != nil || l.writer != nil {
				return lib.SQLITE_BUSY
			}
			l.readers++
		case lib.SQLITE_LOCK_RESERVED:
			if l.reserved != nil {
				return lib.SQLITE_BUSY
			}
			l.reserved = h
		case lib.SQLITE_LOCK_PENDING:
			if l.pending != nil {
				return lib.SQLITE_BUSY
			}
			l.pending = h
		case lib.SQLITE_LOCK_EXCLUSIVE:
			if l.readers > 1 {
				return lib.SQLITE_BUSY
			}
			l.writer = h
		}
		h.level = next
	}
	return lib.SQLITE_OK
}

func unlock(_ *libc.TLS, file uintptr, level int32) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	h.unlock(level)
	return lib.SQLITE_OK
}

func (h *handle) unlock(level int32) {
	if h.level <= level {
		return
	}
	l := &h.file.locks
	for _, held := range []**handle{&l.reserved, &l.pending, &l.writer} {
		if *held == h {
			*held = nil
		}
	}
	if level == lib.SQLITE_LOCK_NONE && h.level >= lib.SQLITE_LOCK_SHARED {
		l.readers--
	}
	h.level = level
}

func reserved(_ *libc.TLS, file, result uintptr) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	*c.At[int32](result) = 0
	if h.file.locks.reserved != nil {
		*c.At[int32](result) = 1
	}
	return lib.SQLITE_OK
}

// sharedMemory is the index of the WAL, and its locks.
type sharedMemory struct {
	regions []uintptr
	shared  [lib.SQLITE_SHM_NLOCK]int
	owned   [lib.SQLITE_SHM_NLOCK]bool
}

func shmMap(tls *libc.TLS, file uintptr, region, size, extend int32, result uintptr) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	s := &h.file.shared
	for extend != 0 && len(s.regions) <= int(region) {
		s.regions = append(s.regions, libc.Xcalloc(tls, 1, libc.Tsize_t(size)))
	}
	*c.At[uintptr](result) = 0
	if int(region) < len(s.regions) {
		*c.At[uintptr](result) = s.regions[region]
	}
	return lib.SQLITE_OK
}

func shmLock(_ *libc.TLS, file uintptr, offset, n, flags int32) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	s := &h.file.shared
	if flags&lib.SQLITE_SHM_UNLOCK != 0 {
		h.unlockShared(offset, n)
		return lib.SQLITE_OK
	}
	for i := offset; i < offset+n; i++ {
		if s.owned[i] && !h.owned[i] || flags&lib.SQLITE_SHM_EXCLUSIVE != 0 && s.shared[i] > 0 {
			return lib.SQLITE_BUSY
		}
	}
	for i := offset; i < offset+n; i++ {
		switch {
		case flags&lib.SQLITE_SHM_EXCLUSIVE != 0:
			s.owned[i], h.owned[i] = true, true
		case !h.shared[i]:
			s.shared[i]++
			h.shared[i] = true
		}
	}
	return lib.SQLITE_OK
}

func (h *handle) unlockShared(offset, n int32) {
	s := &h.file.shared
	for i := offset; i < offset+n; i++ {
		if h.owned[i] {
			s.owned[i], h.owned[i] = false, false
		}
		if h.shared[i] {
			s.shared[i]--
			h.shared[i] = false
		}
	}
}

func shmBarrier(*libc.TLS, uintptr) {}

func shmUnmap(tls *libc.TLS, file uintptr, remove int32) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if remove != 0 {
		h.file.shared.free(tls)
	}
	return lib.SQLITE_OK
}

func (s *sharedMemory) free(tls *libc.TLS) {
	for _, region := range s.regions {
		libc.Xfree(tls, region)
	}
	*s = sharedMemory{}
}
