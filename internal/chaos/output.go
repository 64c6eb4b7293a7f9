package main

import (
	"bytes"
	"strings"
	"sync"
)

// kept is how many of its last lines are kept of what a node says.
const kept = 60

// output is what a node says in all of its lives. Of most of it only the end is kept,
// of what must never be said the beginning.
type output struct {
	mu    sync.Mutex
	part  []byte // of a line
	lines []string
	alarm []string
	join  bool   // it has said, in this life, that it is a member of the cluster
	serve string // where it has said, in this life, that it serves metrics
}

// joining is what a node says when it is a member.
const joining = "joined the cluster"

// serving is what a node says when it serves metrics.
const serving = `msg="health and metrics" address=`

// alarms are words that a sound program never says.
var alarms = []string{"panic:", "fatal error:", "goroutine 1 ["}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.part = append(o.part, p...)
	for {
		line, rest, whole := bytes.Cut(o.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		o.say(string(line))
		o.part = append([]byte(nil), rest...)
	}
}

func (o *output) say(line string) {
	o.lines = append(o.lines, line)
	o.lines = o.lines[max(0, len(o.lines)-kept):]
	o.join = o.join || strings.Contains(line, joining)
	if _, address, ok := strings.Cut(line, serving); ok {
		o.serve = address
	}
	sounds := len(o.alarm) > 0 // what follows tells more
	for _, word := range alarms {
		sounds = sounds || strings.Contains(line, word)
	}
	if sounds && len(o.alarm) < kept {
		o.alarm = append(o.alarm, line)
	}
}

// begin begins another life.
func (o *output) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.join, o.serve = false, ""
	o.say("--- started")
}

// joined says whether the node has been a member of the cluster in this life.
func (o *output) joined() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.join
}

// monitor is where the node serves metrics; empty if it has not said so yet.
func (o *output) monitor() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.serve
}

// mark puts a line of our own among the lines.
func (o *output) mark(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.say("--- " + line)
}

func (o *output) end() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "\n")
}

// alarming is what should never have been said, with what followed.
func (o *output) alarming() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.alarm, "\n")
}
