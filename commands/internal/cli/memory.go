package cli

import (
	"os"
	"runtime/debug"
)

// toolMemory is what a tool that only serves others may take: it has no data of its own.
const toolMemory = 192 << 20

// LimitMemory makes the garbage collector keep a tool within 192 MiB, unless GOMEMLIMIT
// sets another limit.
func LimitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(toolMemory)
	}
}
