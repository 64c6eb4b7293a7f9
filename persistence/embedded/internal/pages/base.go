package pages

import (
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/imart/event-worker/persistence/embedded/internal/c"
)

// The types of the functions of files and VFSs that are called here.
type (
	openFunc       = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	closeFunc      = func(tls *libc.TLS, file uintptr) int32
	transferFunc   = func(tls *libc.TLS, file, buf uintptr, n int32, offset int64) int32
	syncFunc       = func(tls *libc.TLS, file uintptr, flags int32) int32
	truncateFunc   = func(tls *libc.TLS, file uintptr, size int64) int32
	fileSizeFunc   = func(tls *libc.TLS, file, size uintptr) int32
	controlFunc    = func(tls *libc.TLS, file uintptr, op int32, arg uintptr) int32
	propertiesFunc = func(tls *libc.TLS, file uintptr) int32
	shmLockFunc    = func(tls *libc.TLS, file uintptr, offset, n, flags int32) int32
)

// base is a file of the underlying VFS. Buffers must be in SQLite's memory: Go moves its
// stacks.
type base struct {
	tls     *libc.TLS
	file    uintptr
	methods *lib.Tsqlite3_io_methods
}

func (b base) read(buf []byte, offset int64) int32 {
	return c.Function[transferFunc](b.methods.FxRead)(b.tls, b.file, addressOf(buf), int32(len(buf)), offset)
}

func (b base) write(buf []byte, offset int64) int32 {
	return c.Function[transferFunc](b.methods.FxWrite)(b.tls, b.file, addressOf(buf), int32(len(buf)), offset)
}

func (b base) sync() int32 {
	return c.Function[syncFunc](b.methods.FxSync)(b.tls, b.file, lib.SQLITE_SYNC_NORMAL)
}

func (b base) size() (n int64, rc int32) {
	size := b.tls.Alloc(8)
	defer b.tls.Free(8)
	rc = c.Function[fileSizeFunc](b.methods.FxFileSize)(b.tls, b.file, size)
	return *c.At[int64](size), rc
}

func (b base) close() int32 { return c.Function[closeFunc](b.methods.FxClose)(b.tls, b.file) }

func addressOf(buf []byte) uintptr { return uintptr(unsafe.Pointer(&buf[0])) }
