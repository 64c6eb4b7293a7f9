package logs

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"gopkg.in/natefinch/lumberjack.v2"
)

// For each file, OldFiles rotated files are kept beside it, each of at most MaxSize
// megabytes (of 1 048 576 bytes). The names of rotated files contain the time of the
// rotation in UTC: error-2026-01-31T23-59-59.000.log.
const (
	MaxSize  = 10
	OldFiles = 5
)

// errorInterval is the interval at which a persistent write error is reported again.
const errorInterval = time.Hour

// lockName is the file whose lock excludes a second process, which would rotate the same
// files.
const lockName = ".lock"

// files are the log files of one folder. Each is created by the first write, but error.log at
// the start: that it is empty tells that there was no error.
type files struct {
	lock   *flock.Flock
	files  map[place]*file
	stderr *slog.Logger

	mu         sync.Mutex
	reportedAt time.Time // when a write error was last reported
}

// open locks the folder and creates its subfolders.
func open(dir string, kinds map[string]string, stderr *slog.Logger) (*files, error) {
	f := &files{lock: flock.New(filepath.Join(dir, lockName)), files: map[place]*file{}, stderr: stderr}
	if err := f.acquire(dir); err != nil {
		return nil, err
	}
	folders := map[string]bool{nodeKind: true}
	for _, kind := range kinds {
		folders[kind] = true
	}
	for kind := range folders {
		if err := ensureWritable(filepath.Join(dir, kind)); err != nil {
			return nil, errors.Join(unusable(dir, err), f.lock.Close())
		}
		for _, level := range levelNames {
			f.files[place{kind, level}] = &file{of: f, to: &lumberjack.Logger{
				Filename: filepath.Join(dir, kind, level+".log"), MaxSize: MaxSize, MaxBackups: OldFiles,
			}}
		}
		if _, err := f.files[place{kind, errorLevel}].to.Write(nil); err != nil {
			return nil, errors.Join(unusable(dir, err), f.Close())
		}
	}
	return f, nil
}

func (f *files) acquire(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unusable(dir, err)
	}
	locked, err := f.lock.TryLock()
	if err != nil {
		return unusable(dir, err)
	}
	if !locked {
		return fmt.Errorf("log folder %s: in use by another process: give each its own with --log-dir or log.dir", dir)
	}
	return nil
}

// ensureWritable creates a folder if it does not exist, and checks that files can be created
// in it.
func ensureWritable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	trial, err := os.CreateTemp(dir, ".trial")
	if err != nil {
		return err
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}

func unusable(dir string, err error) error {
	return fmt.Errorf("log folder %s cannot be written: %w: make it writable, choose another one with --log-dir or log.dir, or none", dir, err)
}

// Close implements io.Closer.
func (f *files) Close() error {
	var errs []error
	for _, file := range f.files {
		errs = append(errs, file.to.Close())
	}
	return errors.Join(append(errs, f.lock.Close())...)
}

// failed reports that files cannot be written, unless that was reported less than
// errorInterval ago.
func (f *files) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.reportedAt) > errorInterval {
		f.reportedAt = now
		f.stderr.Error("a log file cannot be written: its records appear here only", "error", err)
	}
}

// file is a log file. It drops messages that it cannot write.
type file struct {
	of   *files
	to   *lumberjack.Logger
	torn bool // the file ends within a line
}

// Write implements io.Writer. Calls are not concurrent.
func (f *file) Write(line []byte) (int, error) {
	whole := line
	if f.torn {
		whole = append([]byte("\n"), line...)
	}
	n, err := f.to.Write(whole)
	if n > 0 {
		f.torn = whole[n-1] != '\n'
	}
	if err != nil {
		f.of.failed(err)
	}
	return len(line), nil
}
