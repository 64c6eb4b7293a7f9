// Package random draws the random numbers of the program: jitter, and choices between equals.
//
// They come from crypto/rand, not from math/rand: testing/cryptotest seeds that for a test,
// so that a simulation repeats every draw.
package random

import (
	crypto "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
)

// source is a rand.Source without state, which may be used concurrently.
type source struct{}

// Uint64 implements rand.Source.
func (source) Uint64() uint64 {
	var b [8]byte
	_, _ = crypto.Read(b[:]) // it never fails
	return binary.NativeEndian.Uint64(b[:])
}

// N returns a number from 0 to n-1, which must be positive.
func N[Number ~int | ~int64](n Number) Number {
	return Number(rand.New(source{}).Int64N(int64(n)))
}
