package disk

import (
	"slices"
	"strings"
	"sync"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

// Name is the name of the VFS, after Register.
const Name = "disk"

// disks are all disks and open files. Only one file may use the memory of a file.
var disks = struct {
	sync.Mutex
	all  []*Disk
	open map[uintptr]*handle
}{open: map[uintptr]*handle{}}

// handle is an open file.
type handle struct {
	disk   *Disk
	name   string
	file   *inode
	level  int32 // of the lock
	shared [lib.SQLITE_SHM_NLOCK]bool
	owned  [lib.SQLITE_SHM_NLOCK]bool
}

// Register registers the VFS, once in a process.
var Register = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	lib.Xsqlite3_initialize(tls)
	vfs := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_vfs{})))
	v := c.At[lib.Tsqlite3_vfs](vfs)
	*v = *c.At[lib.Tsqlite3_vfs](lib.Xsqlite3_vfs_find(tls, 0)) // its clock and so on
	name, err := libc.CString(Name)
	if err != nil {
		panic(err)
	}
	v.FzName, v.FpNext, v.FszOsFile = name, 0, int32(unsafe.Sizeof(lib.Tsqlite3_file{}))
	v.FxOpen, v.FxDelete, v.FxAccess = c.Pointer(open), c.Pointer(remove), c.Pointer(access)
	table = libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_io_methods{})))
	*c.At[lib.Tsqlite3_io_methods](table) = lib.Tsqlite3_io_methods{
		FiVersion: 2, FxClose: c.Pointer(closeFile), FxRead: c.Pointer(read), FxWrite: c.Pointer(write),
		FxTruncate: c.Pointer(truncate), FxSync: c.Pointer(syncFile), FxFileSize: c.Pointer(size),
		FxLock: c.Pointer(lock), FxUnlock: c.Pointer(unlock), FxCheckReservedLock: c.Pointer(reserved),
		FxFileControl: c.Pointer(control), FxSectorSize: c.Pointer(sectorSize), FxDeviceCharacteristics: c.Pointer(properties),
		FxShmMap: c.Pointer(shmMap), FxShmLock: c.Pointer(shmLock), FxShmBarrier: c.Pointer(shmBarrier), FxShmUnmap: c.Pointer(shmUnmap),
	}
	if lib.Xsqlite3_vfs_register(tls, vfs, 0) != lib.SQLITE_OK {
		panic("SQLite refuses the VFS")
	}
})

// table is the functions of files.
var table uintptr

func diskOf(path string) *Disk {
	disks.Lock()
	defer disks.Unlock()
	for _, d := range disks.all {
		if strings.HasPrefix(path, d.folder) {
			return d
		}
	}
	return nil
}

func handleOf(file uintptr) *handle {
	disks.Lock()
	defer disks.Unlock()
	return disks.open[file]
}

func open(tls *libc.TLS, _, name, file uintptr, flags int32, out uintptr) int32 {
	c.At[lib.Tsqlite3_file](file).FpMethods = 0
	h := &handle{name: libc.GoString(name)}
	if name == 0 { // a temporary file
		h.disk, h.file = &Disk{}, &inode{}
	} else if h.disk = diskOf(h.name); h.disk == nil {
		return lib.SQLITE_CANTOPEN
	} else if rc := h.find(tls, flags); rc != lib.SQLITE_OK {
		return rc
	}
	if out != 0 {
		*c.At[int32](out) = flags
	}
	disks.Lock()
	defer disks.Unlock()
	disks.open[file] = h
	c.At[lib.Tsqlite3_file](file).FpMethods = table
	return lib.SQLITE_OK
}

func (h *handle) find(tls *libc.TLS, flags int32) int32 {
	d := h.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	h.file = d.files[h.name]
	if d.off || h.file == nil && flags&lib.SQLITE_OPEN_CREATE == 0 {
		return lib.SQLITE_CANTOPEN
	}
	if h.file == nil {
		h.file = &inode{}
		d.files[h.name] = h.file
	}
	if h.file.users == 0 {
		h.file.shared.free(tls)
	}
	h.file.users++
	return lib.SQLITE_OK
}

func remove(_ *libc.TLS, _, name uintptr, folderSynced int32) int32 {
	path := libc.GoString(name)
	d := diskOf(path)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.off:
		return lib.SQLITE_IOERR_DELETE
	case d.files[path] == nil:
		return lib.SQLITE_IOERR_DELETE_NOENT
	}
	delete(d.files, path)
	if folderSynced != 0 {
		delete(d.durable, path)
	}
	return lib.SQLITE_OK
}

func access(_ *libc.TLS, _, name uintptr, _ int32, result uintptr) int32 {
	path := libc.GoString(name)
	*c.At[int32](result) = 0
	if d := diskOf(path); d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if f := d.files[path]; f != nil {
			*c.At[int32](result) = 1
		}
	}
	return lib.SQLITE_OK
}

func closeFile(_ *libc.TLS, file uintptr) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	h.unlock(0)
	h.unlockShared(0, lib.SQLITE_SHM_NLOCK)
	h.file.users--
	h.disk.mu.Unlock()
	disks.Lock()
	defer disks.Unlock()
	delete(disks.open, file)
	return lib.SQLITE_OK
}

func read(_ *libc.TLS, file, buf uintptr, n int32, offset int64) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.disk.off {
		return lib.SQLITE_IOERR_READ
	}
	to := c.Bytes(buf, int(n))
	clear(to)
	if offset < int64(len(h.file.data)) && copy(to, h.file.data[offset:]) == len(to) {
		return lib.SQLITE_OK
	}
	return lib.SQLITE_IOERR_SHORT_READ
}

func write(_ *libc.TLS, file, buf uintptr, n int32, offset int64) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	switch h.disk.write(h.name, h.file, change{offset: offset, data: slices.Clone(c.Bytes(buf, int(n)))}) {
	case None:
		return lib.SQLITE_OK
	case Error:
		return lib.SQLITE_IOERR_WRITE
	}
	return lib.SQLITE_FULL
}

func truncate(_ *libc.TLS, file uintptr, size int64) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.disk.write(h.name, h.file, change{offset: size, cut: true}) != None {
		return lib.SQLITE_IOERR_TRUNCATE
	}
	return lib.SQLITE_OK
}

func syncFile(_ *libc.TLS, file uintptr, _ int32) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	if h.disk.sync(h.name, h.file) != None {
		return lib.SQLITE_IOERR_FSYNC
	}
	return lib.SQLITE_OK
}

func size(_ *libc.TLS, file, result uintptr) int32 {
	h := handleOf(file)
	h.disk.mu.Lock()
	defer h.disk.mu.Unlock()
	*c.At[int64](result) = int64(len(h.file.data))
	return lib.SQLITE_OK
}

func control(*libc.TLS, uintptr, int32, uintptr) int32 { return lib.SQLITE_NOTFOUND }

func sectorSize(*libc.TLS, uintptr) int32 { return Sector }

func properties(*libc.TLS, uintptr) int32 { return lib.SQLITE_IOCAP_POWERSAFE_OVERWRITE }
