package pages

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

// vfs is an SQLite VFS, and what its functions need.
type vfs struct {
	table  lib.Tsqlite3_vfs // must be first
	base   uintptr          // the underlying VFS
	config struct{ application, since uint32 }
}

// methods are the functions of a file, and what they need.
type methods struct {
	table lib.Tsqlite3_io_methods // must be first
	base  uintptr                 // the functions of the underlying file
	tail  uintptr                 // where file begins in the memory of a file
}

// kinds of files.
const (
	database = iota
	wal
	journal
)

// registry keeps what was registered, in memory of SQLite that is never freed, and the
// damage that was found.
var registry = struct {
	sync.Mutex
	methods map[[2]uintptr]uintptr // by the underlying functions, and kind and tail
	damage  map[string]*Error      // by the database's path
}{methods: map[[2]uintptr]uintptr{}, damage: map[string]*Error{}}

// Register registers a VFS. Its name must not be in use.
func Register(name string, of Config) error {
	tls := libc.NewTLS()
	defer tls.Close()
	if rc := lib.Xsqlite3_initialize(tls); rc != lib.SQLITE_OK {
		return fmt.Errorf("SQLite cannot be initialised: code %d", rc)
	}
	cname, err := libc.CString(name)
	if err != nil {
		return err
	}
	under := uintptr(0) // the default
	if of.Base != "" {
		if under, err = libc.CString(of.Base); err != nil {
			return err
		}
		defer libc.Xfree(tls, under)
	}
	found := lib.Xsqlite3_vfs_find(tls, under)
	if found == 0 {
		return fmt.Errorf("SQLite has no VFS %q", of.Base)
	}
	memory := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(vfs{})))
	if memory == 0 {
		return errors.New("out of memory")
	}
	v := c.At[vfs](memory)
	v.table, v.base = *c.At[lib.Tsqlite3_vfs](found), found
	v.config.application, v.config.since = of.Application, of.Since
	v.table.FzName, v.table.FpNext = cname, 0
	v.table.FszOsFile = int32(tailOf(v) + unsafe.Sizeof(file{}))
	v.table.FxOpen = c.Pointer(openFile)
	if rc := lib.Xsqlite3_vfs_register(tls, memory, 0); rc != lib.SQLITE_OK {
		return fmt.Errorf("SQLite refuses a VFS: code %d", rc)
	}
	return nil
}

// tailOf returns where file begins: after the memory of the underlying file.
func tailOf(v *vfs) uintptr {
	const align = 16
	return (uintptr(c.At[lib.Tsqlite3_vfs](v.base).FszOsFile) + align - 1) / align * align
}

// openFile opens a file of the underlying VFS, and puts the functions of this one in front.
func openFile(tls *libc.TLS, of, name, f uintptr, flags int32, outFlags uintptr) int32 {
	v := c.At[vfs](of)
	under := c.At[lib.Tsqlite3_vfs](v.base)
	rc := c.Function[openFunc](under.FxOpen)(tls, v.base, name, f, flags, outFlags)
	var kind int
	switch {
	case flags&lib.SQLITE_OPEN_MAIN_DB != 0 && name != 0:
		kind = database
	case flags&lib.SQLITE_OPEN_WAL != 0:
		kind = wal
	case flags&lib.SQLITE_OPEN_MAIN_JOURNAL != 0:
		kind = journal
	default:
		return rc
	}
	if rc != lib.SQLITE_OK {
		return rc
	}
	tail := tailOf(v)
	t := c.At[file](f + tail)
	*t = file{name: name, vfs: of, readOnly: flags&lib.SQLITE_OPEN_READONLY != 0}
	if kind != database {
		owner := lib.Xsqlite3_database_file_object(tls, name)
		if owner == 0 || c.At[lib.Tsqlite3_file](owner).FpMethods == 0 {
			return rc
		}
		t.database = owner + tail
		if kind == wal {
			c.At[file](t.database).wal = f
		}
	}
	c.At[lib.Tsqlite3_file](f).FpMethods = methodsFor(tls, c.At[lib.Tsqlite3_file](f).FpMethods, kind, tail)
	return rc
}

// methodsFor returns the functions of a kind of file in front of the underlying ones.
func methodsFor(tls *libc.TLS, under uintptr, kind int, tail uintptr) uintptr {
	registry.Lock()
	defer registry.Unlock()
	key := [2]uintptr{under, tail<<2 | uintptr(kind)}
	if known, ok := registry.methods[key]; ok {
		return known
	}
	memory := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(methods{})))
	m := c.At[methods](memory)
	m.table, m.base, m.tail = *c.At[lib.Tsqlite3_io_methods](under), under, tail
	m.table.FiVersion = min(m.table.FiVersion, 2) // without memory-mapped pages
	switch kind {
	case database:
		m.table.FxRead, m.table.FxWrite = c.Pointer(readDatabase), c.Pointer(writeDatabase)
		m.table.FxSync, m.table.FxClose = c.Pointer(syncDatabase), c.Pointer(closeDatabase)
		m.table.FxFileControl = c.Pointer(control)
		m.table.FxDeviceCharacteristics = c.Pointer(properties)
		m.table.FxShmLock = c.Pointer(lockShared)
	case wal:
		m.table.FxRead, m.table.FxWrite = c.Pointer(readWAL), c.Pointer(writeWAL)
		m.table.FxSync, m.table.FxClose = c.Pointer(syncWAL), c.Pointer(closeWAL)
		m.table.FxTruncate, m.table.FxFileSize = c.Pointer(truncateWAL), c.Pointer(sizeOfWAL)
	case journal:
		m.table.FxRead, m.table.FxWrite = c.Pointer(readJournal), c.Pointer(writeJournal)
	}
	registry.methods[key] = memory
	return memory
}
