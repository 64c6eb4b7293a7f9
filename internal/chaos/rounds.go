package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/programtest"
)

const (
	// afterwards bounds how long a round takes once its faults have ended.
	afterwards = 20 * time.Minute
	// reportEvery is the interval at which the report is written.
	reportEvery = time.Minute
	// maxEvidence is the number of failed rounds whose evidence is kept.
	maxEvidence = 10
)

// series is a run of several rounds. Each has new chains, a new database and new processes,
// and its own seed, so that neither the database nor the histories grow without bound.
type series struct {
	options
	round  time.Duration
	folder string // for the report and for the evidence of failed rounds
	report *report
}

// run runs rounds until the time is over or the context ends. It reports whether all have
// passed.
func (s *series) run(ctx context.Context) (ok bool, err error) {
	if s.program, err = programtest.BuildIn(ctx, s.folder); err != nil { // once: all rounds test the same
		return false, err
	}
	s.report = newReport(s)
	ctx, cancel := context.WithTimeout(ctx, s.lasts)
	defer cancel()
	stop := s.writeRegularly()
	defer stop()
	deadline, _ := ctx.Deadline()
	for first := true; ctx.Err() == nil; first = false {
		o := s.options
		o.seed, o.lasts = s.seed+uint64(s.report.count()), min(s.round, time.Until(deadline))
		if !first && o.lasts < s.round/2 { // too short to find anything
			break
		}
		if !s.one(ctx, o) {
			break
		}
	}
	return s.report.end(s.path("report.txt"))
}

func (s *series) path(name string) string { return filepath.Join(s.folder, name) }

// one runs a round; false if it does not end, so that there cannot be another.
func (s *series) one(ctx context.Context, o options) bool {
	o.evidence = s.path(fmt.Sprint("seed-", o.seed))
	work := filepath.Join(o.evidence, "work")
	if err := os.MkdirAll(work, 0o700); err != nil {
		s.report.add(result{seed: o.seed, again: o.again(), failures: []string{err.Error()}})
		return false
	}
	r := &result{seed: o.seed, again: o.again(), started: time.Now()}
	s.report.start(r)
	ended := make(chan []string, 1)
	go func() { ended <- s.log(o, work, r, func(t testing.TB) { chaos(ctx, t, o, r) }) }()
	select {
	case r.failures = <-ended:
		_ = os.RemoveAll(work)
	case <-time.After(o.lasts + afterwards):
		hung := *r
		hung.failures = []string{fmt.Sprintf("the round has not ended %v after its faults: its goroutines are in %s", afterwards, s.dump(o.evidence))}
		s.report.add(hung)
		return false
	}
	r.self = weighSelf()
	if len(r.failures) == 0 || s.report.failed() >= maxEvidence {
		_ = os.RemoveAll(o.evidence)
	} else {
		r.evidence = o.evidence
	}
	s.report.add(*r)
	s.report.write(s.path("report.txt"))
	return true
}

// log runs a round whose output goes to a file beside its evidence; with only one round
// also to the terminal.
func (s *series) log(o options, work string, r *result, test func(t testing.TB)) []string {
	file, err := os.Create(filepath.Join(o.evidence, "log.txt"))
	if err != nil {
		return []string{err.Error()}
	}
	defer file.Close()
	out := io.Writer(file)
	if s.lasts <= s.round {
		out = io.MultiWriter(os.Stdout, file)
	}
	return runCommand(out, work, func(t testing.TB) {
		defer func() { r.disk = sizeOf(work) }()
		test(t)
	})
}

// dump writes the stacks of all goroutines.
func (s *series) dump(folder string) string {
	path := filepath.Join(folder, "goroutines.txt")
	file, err := os.Create(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	_ = pprof.Lookup("goroutine").WriteTo(file, 1)
	return path
}

// writeRegularly writes the report now and then, so that a run that is killed has one.
func (s *series) writeRegularly() (stop func()) {
	s.report.write(s.path("report.txt"))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, reportEvery) {
			s.report.write(s.path("report.txt"))
		}
	}()
	return func() { cancel(); <-ended }
}

// sizeOf returns the size of all files in a folder.
func sizeOf(folder string) (size int64) {
	_ = filepath.Walk(folder, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil // files may be removed meanwhile
	})
	return size
}
