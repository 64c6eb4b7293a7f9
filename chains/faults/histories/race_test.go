//go:build race

package histories

// raced says that the race detector is on, with which the store takes some ten times as
// long: fewer histories are tried, and fewer at once.
const raced = true
