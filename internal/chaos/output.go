package main

import (
	"bytes"
	"strings"
	"sync"
)

// kept is how many of a node's last lines are kept.
const kept = 60

// output is a node's output over all of its incarnations: the last lines, and the first
// lines of an alarm.
type output struct {
	mu    sync.Mutex
	part  []byte // an incomplete line
	lines []string
	alarm []string
	join  bool   // whether this incarnation has joined the cluster
	serve string // the address at which this incarnation serves metrics
	page  string // the URL of this incarnation's page and API
}

// joining is what a node logs when it joins the cluster.
const joining = "joined the cluster"

// serving is what a node logs when it serves metrics.
const serving = `msg="health and metrics" address=`

// served is what a node logs when it serves the API.
const served = `msg="page and API" address=`

// alarms are texts that a correct program never prints.
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
	if _, url, ok := strings.Cut(line, served); ok {
		o.page = url
	}
	sounds := len(o.alarm) > 0 // the lines after an alarm explain it
	for _, word := range alarms {
		sounds = sounds || strings.Contains(line, word)
	}
	if sounds && len(o.alarm) < kept {
		o.alarm = append(o.alarm, line)
	}
}

// reset starts another incarnation.
func (o *output) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.join, o.serve, o.page = false, "", ""
	o.say("--- started")
}

// joined reports whether the node has joined the cluster in this incarnation.
func (o *output) joined() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.join
}

// monitor returns the address of the node's metrics; empty if it has not been logged
// yet.
func (o *output) monitor() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.serve
}

// api returns the URL of the node's API; empty if it has not been logged yet.
func (o *output) api() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.page
}

// mark adds a line of the test's own.
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

// alarming returns the first alarm and the lines after it.
func (o *output) alarming() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.alarm, "\n")
}
