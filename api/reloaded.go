package api

import (
	"log/slog"
	"os"
	"slices"
	"sync"
)

// reloaded is a value loaded from files, and loaded again when one of them changes. If that
// fails, as in the middle of a change, the previous value stays in use.
type reloaded[T any] struct {
	name  string // for messages
	files []string
	load  func() (T, error)
	log   *slog.Logger

	mu    sync.Mutex
	seen  []os.FileInfo
	value T
}

// reload loads a value for the first time.
func reload[T any](name string, files []string, load func() (T, error), log *slog.Logger) (*reloaded[T], error) {
	r := &reloaded[T]{name: name, files: files, load: load, log: log, seen: inspect(files)}
	var err error
	r.value, err = load()
	return r, err
}

// get returns the current value.
func (r *reloaded[T]) get() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := inspect(r.files) // before loading: the next call sees later changes
	if slices.EqualFunc(r.seen, now, unchanged) {
		return r.value
	}
	r.seen = now
	value, err := r.load()
	if err != nil {
		r.log.Warn(r.name+" cannot be reloaded: the previous one stays in use", "reason", err)
		return r.value
	}
	r.log.Info(r.name + " was reloaded")
	r.value = value
	return value
}

// inspect returns the information by which changes are detected; nil for a missing file.
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
