// Package c crosses the border to SQLite, which was translated from C: its memory is
// outside of Go's heap, and must not contain Go pointers.
package c

import "unsafe"

// At returns the value at an address of SQLite's memory.
func At[T any](address uintptr) *T { return (*T)(unsafe.Add(nil, address)) }

// Bytes returns n bytes of SQLite's memory, which are valid as long as SQLite keeps them.
func Bytes(address uintptr, n int) []byte { return unsafe.Slice(At[byte](address), n) }

// Function returns the function of a C function pointer.
func Function[F any](pointer uintptr) F { return *(*F)(unsafe.Pointer(&pointer)) }

// Pointer returns the C function pointer of a function, which must not be a closure.
func Pointer(function any) uintptr { return (*[2]uintptr)(unsafe.Pointer(&function))[1] }
