package cli

import (
	"os"
	"runtime/debug"
)

// toolMemory is what a tool that only serves others may allocate: it has no data of its own.
// Together with the program's code, that is less than 256 MiB.
const toolMemory = 160 << 20

// LimitMemory makes the garbage collector keep a tool within 160 MiB, unless GOMEMLIMIT
// sets another limit.
func LimitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(toolMemory)
	}
}
