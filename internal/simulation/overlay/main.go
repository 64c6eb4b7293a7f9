// Command overlay makes the Go runtime repeat itself: it writes copies of some files of the
// standard library, changed so that neither random numbers nor real time nor the addresses of
// objects decide what goroutines in a bubble of testing/synctest do, and prints the name of the
// description that go test reads:
//
//	go test -overlay "$(go run ./internal/simulation/overlay)" ./internal/simulation
//
// The copies are in the user's cache folder, by the version of Go. The Go tree itself is not
// changed.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// change is a text of a file of the Go tree, which occurs once, and what takes its place.
type change struct{ file, old, new string }

var changes = []change{
	// Schedules have a sequence of random numbers of their own, which begins anew with each
	// bubble: a package that draws once in a process must not move it.
	{"runtime/rand.go", "// rand32 is ", `var bubbleRand, bubbleSchedule uint64

func scheduleRand() uint32 {
	bubbleSchedule++
	return uint32(splitmix(bubbleSchedule))
}

//go:nosplit
func splitmix(n uint64) uint64 {
	z := n * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// rand32 is `},
	{"runtime/rand.go", "func rand() uint64 {\n", `func rand() uint64 {
	if getg().bubble != nil {
		bubbleRand++
		return splitmix(bubbleRand)
	}
`},
	{"runtime/synctest.go", "	bubble := &synctestBubble{\n", "	bubbleRand, bubbleSchedule = 0, 0\n	bubble := &synctestBubble{\n"},
	{"runtime/select.go", "j := cheaprandn(uint32(norder + 1))", `j := cheaprandn(uint32(norder + 1))
		if getg().bubble != nil {
			j = scheduleRand() % uint32(norder+1)
		}`},
	{"runtime/time.go", "t.rand = cheaprand()", "t.rand = scheduleRand()"},

	// For the same reason the order of a map follows the simulated time.
	{"runtime/rand.go", "func maps_rand() uint64 {\n	return rand()", `func maps_rand() uint64 {
	if bubble := getg().bubble; bubble != nil {
		return splitmix(uint64(bubble.now))
	}
	return 1`},
	{"internal/sync/hashtriemap.go", "uintptr(runtime_rand())", "1"},
	{"unique/canonmap.go", "uintptr(runtime_rand())", "1"},
	{"runtime/alg.go", "hashkey[i] = uintptr(bootstrapRand())", "hashkey[i] = uintptr(i + 1)"},
	{"runtime/alg.go", "\t\tkey[i] = bootstrapRand()", "\t\tkey[i] = uint64(i + 1)"},

	// A select starts its timers in the order of their channels' addresses.
	{"runtime/select.go", `		if c.timer != nil {
			blockTimerChan(c)
		}
	}
`, `	}
	for i := range scases {
		if c := scases[i].c; c != nil && c.timer != nil {
			blockTimerChan(c)
		}
	}
`},

	// A map of pointers has the order of addresses.
	{"context/context.go", "children map[canceler]struct{}", "children []canceler"},
	{"context/context.go", "make(map[canceler]struct{})", "[]canceler{}"},
	{"context/context.go", "p.children[child] = struct{}{}", "p.children = append(p.children, child)"},
	{"context/context.go", "delete(p.children, child)", `for i, c := range p.children {
			if c == child {
				p.children = append(p.children[:i], p.children[i+1:]...)
				break
			}
		}`},
	{"context/context.go", "for child := range c.children", "for _, child := range c.children"},

	// Real time changes nothing: how long a goroutine has run, is in a system call, or has
	// waited for a mutex, and how often others were scheduled.
	{"runtime/proc.go", "const forcePreemptNS = 10 * 1000 * 1000", "const forcePreemptNS = 1 << 62"},
	{"runtime/proc.go", "pp.syscalltick); !sysretake && ", "pp.syscalltick); true || !sysretake && "},
	{"runtime/sema.go", "func internal_sync_nanotime() int64 {\n	return nanotime()", "func internal_sync_nanotime() int64 {\n	return 1"},
	{"runtime/proc.go", "if pp.schedtick%61 == 0 && ", "if false && "},
}

func main() {
	description, err := write()
	if err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
	fmt.Println(description)
}

// write writes the copies and their description, and returns the name of the latter.
func write() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "event-worker", "overlay", version)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	copies := map[string]string{}
	for _, c := range changes {
		original := filepath.Join(root, "src", filepath.FromSlash(c.file))
		if copies[original] == "" {
			copies[original] = filepath.Join(dir, strings.ReplaceAll(c.file, "/", "_"))
			if err := copyFile(copies[original], original); err != nil {
				return "", err
			}
		}
		if err := c.apply(copies[original]); err != nil {
			return "", fmt.Errorf("%s: %s: %w", version, c.file, err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": copies})
	if err != nil {
		return "", err
	}
	description := filepath.Join(dir, "overlay.json")
	return description, os.WriteFile(description, text, 0o600)
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// apply makes the change in a copy.
func (c change) apply(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), c.old); n != 1 {
		return fmt.Errorf("%q occurs %d times, want 1: the runtime of this version needs other changes", c.old, n)
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o600)
}
