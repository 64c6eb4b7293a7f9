package api

import (
	"log/slog"
	"os"
	"slices"
	"sync"
)

// reloaded is a value that is made of files, and made anew when one of them changes. While
// that fails, as in the middle of a change, the former value stays.
type reloaded[T any] struct {
	what  string // for people
	files []string
	load  func() (T, error)
	log   *slog.Logger

	mu    sync.Mutex
	seen  []os.FileInfo
	value T
}

// reload makes a value of files for the first time.
func reload[T any](what string, files []string, load func() (T, error), log *slog.Logger) (*reloaded[T], error) {
	r := &reloaded[T]{what: what, files: files, load: load, log: log, seen: inspect(files)}
	var err error
	r.value, err = load()
	return r, err
}

// get returns the value of the files as they are now.
func (r *reloaded[T]) get() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := inspect(r.files) // before the files are read: what changes meanwhile is seen the next time
	if slices.EqualFunc(r.seen, now, unchanged) {
		return r.value
	}
	r.seen = now
	value, err := r.load()
	if err != nil {
		r.log.Warn(r.what+" cannot be read again: the former one stays in use", "reason", err)
		return r.value
	}
	r.log.Info(r.what + " was read again")
	r.value = value
	return value
}

// inspect returns what tells changed files from unchanged ones; nil of one that is not there.
func inspect(files []string) []os.FileInfo {
	all := make([]os.FileInfo, len(files))
	for i, file := range files {
		if info, err := os.Stat(file); err == nil {
			all[i] = info
		}
	}
	return all
}

func unchanged(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
