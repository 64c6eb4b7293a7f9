package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// diary records the faults of a run, with times since its start.
type diary struct {
	started time.Time
	say     func(line string) // prints a line immediately; may be nil

	mu     sync.Mutex
	lines  []string
	events []event
}

// event is a fault, together with all faults at the same time.
type event struct {
	name string
	at   time.Time
}

func (d *diary) note(format string, args ...any) {
	line := fmt.Sprintf("%7.1f s  %s", time.Since(d.started).Seconds(), fmt.Sprintf(format, args...))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
	if d.say != nil {
		d.say(line)
	}
}

// startEvent records an event.
func (d *diary) startEvent(name string) {
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
