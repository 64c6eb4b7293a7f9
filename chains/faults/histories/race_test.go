//go:build race

package histories

// raced says that the race detector is enabled, which makes the store about ten times
// slower: fewer histories run, and fewer concurrently.
const raced = true
