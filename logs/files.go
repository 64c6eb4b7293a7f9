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

// What is kept of each file: itself and OldFiles older ones, each of MaxSize
// megabytes (of 1 048 576 bytes) at most. Older ones have the time at which they were
// set aside in their names, in UTC: error-2026-01-31T23-59-59.000.log.
const (
	MaxSize  = 10
	OldFiles = 5
)

// sayAgain is how long files can fail before it is said again.
const sayAgain = time.Hour

// lockName is the file that keeps a second process out: two would set the same
// files aside.
const lockName = ".lock"

// files are those of one folder. They are made when they are first written.
type files struct {
	lock   *flock.Flock
	files  map[place]*file
	stderr *slog.Logger

	mu   sync.Mutex
	said time.Time // when it was last said that files cannot be written
}

// open takes the folder and makes the folders in it.
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
		if err := writable(filepath.Join(dir, kind)); err != nil {
			return nil, errors.Join(unusable(dir, err), f.lock.Close())
		}
		for _, level := range levelNames {
			f.files[place{kind, level}] = &file{of: f, to: &lumberjack.Logger{
				Filename: filepath.Join(dir, kind, level+".log"), MaxSize: MaxSize, MaxBackups: OldFiles,
			}}
		}
	}
	return f, nil
}

// acquire locks the folder for this process.
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

// writable makes a folder if need be and tries to write into it.
func writable(dir string) error {
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

// failed says that files cannot be written, unless it was said not long ago.
func (f *files) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.said) > sayAgain {
		f.said = now
		f.stderr.Error("a log file cannot be written: its records appear here only", "error", err)
	}
}

// file is a file that loses what it cannot write.
type file struct {
	of   *files
	to   *lumberjack.Logger
	torn bool // it ends within a line
}

// Write implements io.Writer. It is not called twice at once.
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
