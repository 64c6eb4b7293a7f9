package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// diary is what was done to the cluster, with times since its beginning, so that a
// run can be read.
type diary struct {
	begun time.Time
	say   func(line string) // at once; may be nil

	mu     sync.Mutex
	lines  []string
	events []event
}

// event is something that the adversary did, together with all that was done at the
// same time.
type event struct {
	name string
	at   time.Time
}

func (d *diary) note(format string, args ...any) {
	line := fmt.Sprintf("%7.1f s  %s", time.Since(d.begun).Seconds(), fmt.Sprintf(format, args...))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
	if d.say != nil {
		d.say(line)
	}
}

// begin notes an event.
func (d *diary) begin(name string) {
	d.note("-- %s", name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, event{name, time.Now()})
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "\n")
}
