package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/outage"
)

var kinds = map[string]string{"ethereum": "evm", "bsc": "evm", "aptos": "aptos"}

// opened returns a logger with files, and its output on stderr.
func opened(t testing.TB, dir string) (*slog.Logger, *files, *bytes.Buffer) {
	t.Helper()
	var stderr bytes.Buffer
	log, closer, err := New(&stderr, config.Log{Level: slog.LevelDebug, Dir: dir}, kinds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closer.Close() })
	return log, closer.(*files), &stderr
}

// written returns the non-empty files of a folder and their contents.
func written(t testing.TB, dir string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == lockName {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		if len(text) > 0 {
			texts[path] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

type valuer struct{ slog.Value }

func (v valuer) LogValue() slog.Value { return v.Value }

// A record goes to the file of the chain that it names, wherever the attribute is.
func TestRoutes(t *testing.T) {
	for _, test := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"chain", func(l *slog.Logger) { l.Info("x", "chain", "bsc") }, "evm/info.log"},
		{"stream", func(l *slog.Logger) { l.Warn("x", "stream", "aptos/tradeport/buy") }, "aptos/warn.log"},
		{"actor", func(l *slog.Logger) { l.Error("x", "n", 1, "actor", "ethereum/head") }, "evm/error.log"},
		{"the chain's actor", func(l *slog.Logger) { l.Error("x", "actor", "ethereum") }, "evm/error.log"},
		{"id", func(l *slog.Logger) { l.Debug("x", "id", "aptos/tradeport/0x1") }, "aptos/debug.log"},
		{"none", func(l *slog.Logger) { l.Info("x", "market", "ethereum/seaport") }, "node/info.log"},
		{"a chain of others", func(l *slog.Logger) { l.Info("x", "chain", "polygon") }, "node/info.log"},
		{"a name that begins alike", func(l *slog.Logger) { l.Info("x", "stream", "bsc-2/seaport/buy") }, "node/info.log"},
		{"the second that says it", func(l *slog.Logger) { l.Info("x", "id", 7, "chain", "bsc") }, "evm/info.log"},
		{"with", func(l *slog.Logger) { l.With("chain", "aptos").Info("x") }, "aptos/info.log"},
		{"with, before more", func(l *slog.Logger) { l.With("chain", "aptos").With("n", 1).WithGroup("g").Info("x", "m", 2) }, "aptos/info.log"},
		{"the record before with", func(l *slog.Logger) { l.With("chain", "aptos").Info("x", "chain", "bsc") }, "evm/info.log"},
		{"the last with", func(l *slog.Logger) { l.With("chain", "aptos").With("chain", "bsc").Info("x") }, "evm/info.log"},
		{"in a group of the logger", func(l *slog.Logger) { l.WithGroup("g").With("chain", "aptos").Info("x") }, "aptos/info.log"},
		{"in a group of the record", func(l *slog.Logger) { l.Info("x", slog.Group("g", "n", 1, "chain", "aptos")) }, "aptos/info.log"},
		{"in a group of a value", func(l *slog.Logger) { l.Info("x", "g", valuer{slog.GroupValue(slog.String("chain", "aptos"))}) }, "aptos/info.log"},
		{"as a value that is worked out", func(l *slog.Logger) { l.Info("x", "chain", valuer{slog.StringValue("aptos")}) }, "aptos/info.log"},
		{"a level between", func(l *slog.Logger) { l.Log(t.Context(), slog.LevelWarn+1, "x") }, "node/warn.log"},
		{"a level below", func(l *slog.Logger) { l.Log(t.Context(), slog.LevelDebug, "x") }, "node/debug.log"},
		{"the end of an outage", func(l *slog.Logger) { l.With("chain", "bsc").Info("x", outage.Lasted, time.Second) }, "evm/info.log evm/error.log"},
		{"an error of one kind", func(l *slog.Logger) { l.Error("x", "chain", "bsc", outage.Lasted, time.Second) }, "evm/error.log"},
		{"an error of all", func(l *slog.Logger) { l.Error("x") }, "aptos/error.log evm/error.log node/error.log"},
		{"the end of an outage of all", func(l *slog.Logger) { l.Info("x", outage.Lasted, time.Second) }, "node/info.log aptos/error.log evm/error.log node/error.log"},
		{"a warning of all", func(l *slog.Logger) { l.Warn("x") }, "node/warn.log"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			log, _, stderr := opened(t, dir)
			test.log(log)
			got := written(t, dir)
			want := map[string]string{}
			for _, path := range strings.Fields(test.want) {
				want[path] = stderr.String()
			}
			if !maps.Equal(got, want) || stderr.Len() == 0 {
				t.Errorf("on stderr: %s in files: %q, want it in %s", stderr, got, test.want)
			}
		})
	}
}

// Every record is on stderr, and once in the files but those of an error that names no chain,
// with the same lines in the same order.
func TestEveryRecordIsInOneFile(t *testing.T) {
	parent := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(parent, "")
		if err != nil {
			rt.Fatal(err)
		}
		var stderr bytes.Buffer
		log, closer, err := New(&stderr, config.Log{Level: slog.LevelInfo, Dir: dir, Format: rapid.SampledFrom(config.Formats).Draw(rt, "format")}, kinds)
		if err != nil {
			rt.Fatal(err)
		}
		defer closer.Close()
		loggers := []*slog.Logger{log}
		attr := rapid.Custom(func(rt *rapid.T) any {
			key := rapid.SampledFrom(append([]string{"n", "market"}, chainKeys...)).Draw(rt, "key")
			return slog.String(key, rapid.SampledFrom([]string{"", "ethereum", "aptos/tradeport", "polygon", "a\nb"}).Draw(rt, "value"))
		})
		for i := range rapid.IntRange(0, 20).Draw(rt, "steps") {
			l := rapid.SampledFrom(loggers).Draw(rt, "logger")
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0:
				loggers = append(loggers, l.With(attr.Draw(rt, "attr")))
			case 1:
				loggers = append(loggers, l.WithGroup(rapid.SampledFrom([]string{"", "g"}).Draw(rt, "group")))
			default:
				level := slog.Level(rapid.IntRange(-5, 9).Draw(rt, "level"))
				l.Log(t.Context(), level, fmt.Sprint("record ", i), rapid.SliceOfN(attr, 0, 3).Draw(rt, "attrs")...)
			}
		}
		all := map[string]int{}
		for path, text := range written(t, dir) {
			lines := slices.Collect(strings.Lines(text))
			if !inOrder(lines, stderr.String()) {
				rt.Errorf("%s has its lines in another order: %q", path, lines)
			}
			for _, line := range lines {
				all[line]++
			}
		}
		want := map[string]int{}
		for line := range strings.Lines(stderr.String()) { // all lines differ
			want[line] = 1
			if strings.Contains(written(t, dir)["node/error.log"], line) {
				want[line] = 3
			}
		}
		if !maps.Equal(all, want) {
			rt.Errorf("in files: %v, on stderr: %v", all, want)
		}
	})
}

// inOrder reports whether a text contains the lines in order.
func inOrder(lines []string, text string) bool {
	for _, line := range lines {
		_, after, found := strings.Cut(text, line)
		if !found {
			return false
		}
		text = after
	}
	return true
}

func TestAsText(t *testing.T) {
	var stderr bytes.Buffer
	log, closer, err := New(&stderr, config.Log{Level: slog.LevelInfo}, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().UTC().Truncate(time.Second)
	log.Info("hello", "in", 1500*time.Millisecond, slog.Group("g", "time", time.Time{}))
	log.Debug("unheard")
	text, rest, _ := strings.Cut(strings.TrimPrefix(stderr.String(), "time="), " ")
	at, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil || at.Before(before) || rest != "level=INFO msg=hello in=1.5s g.time=0001-01-01T00:00:00.000Z\n" {
		t.Errorf("%s (%v)", &stderr, err)
	}
	if err := closer.Close(); err != nil {
		t.Error(err)
	}
}

// Whatever is logged, a record is one line without terminal control sequences.
func TestHostileText(t *testing.T) {
	const hostile = "a\x1b[31mb\u009b31mc\u202ed\u2066e\u2028f\x7f\u0085\r\ng\ufeff\xff漢é"
	for _, form := range config.Formats {
		for _, text := range []string{hostile, "\x7f", "\u009b", "\u202e"} {
			dir := t.TempDir()
			var stderr bytes.Buffer
			log, closer, err := New(&stderr, config.Log{Format: form, Dir: dir}, kinds)
			if err != nil {
				t.Fatal(err)
			}
			log.With("with"+text, text).Error(text, "error", errors.New(text), "key"+text, text, "any", []string{text}, "group", slog.GroupValue(slog.String(text, text)))
			if err := closer.Close(); err != nil {
				t.Fatal(err)
			}
			line, last := strings.CutSuffix(stderr.String(), "\n")
			if !last || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(line) {
				t.Errorf("%s: %q", form, &stderr)
			}
			if got := written(t, dir)["node/error.log"]; got != stderr.String() {
				t.Errorf("%s: in the file %q, on stderr %q", form, got, &stderr)
			}
			if form != "json" {
				continue
			}
			var said struct{ Msg, Error string }
			want := strings.ToValidUTF8(text, "\ufffd")
			if err := json.Unmarshal(stderr.Bytes(), &said); err != nil || said.Msg != want || said.Error != want {
				t.Errorf("%q reads %q (%v)", &stderr, said, err)
			}
		}
	}
}

func TestAsJSON(t *testing.T) {
	var stderr bytes.Buffer
	log, _, err := New(&stderr, config.Log{Format: "json"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("hello", "in", 1500*time.Millisecond)
	var said struct {
		Time time.Time
		In   float64
	}
	if err := json.Unmarshal(stderr.Bytes(), &said); err != nil || said.In != 1.5 || time.Since(said.Time).Abs() > time.Minute {
		t.Errorf("%s (%v)", &stderr, err)
	}
}

// Before the first record error.log exists and is empty, and no other file exists.
func TestFilesAreMadeOnFirstUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	log, _, _ := opened(t, dir)
	before, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	want := []string{filepath.Join(dir, "aptos", "error.log"), filepath.Join(dir, "evm", "error.log"), filepath.Join(dir, "node", "error.log")}
	if got := written(t, dir); err != nil || len(got) > 0 || !slices.Equal(before, want) {
		t.Errorf("before anything was logged: %v, %q, %v", before, got, err)
	}
	log.Info("x")
	log.Info("y")
	got := written(t, dir)
	if len(got) != 1 || strings.Count(got["node/info.log"], "\n") != 2 {
		t.Errorf("after two records: %v", got)
	}
	if info, err := os.Stat(filepath.Join(dir, "node", "info.log")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestUnusableFolder(t *testing.T) {
	parent := t.TempDir()
	file := filepath.Join(parent, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken := filepath.Join(parent, "taken")
	opened(t, taken)
	blocked := filepath.Join(parent, "blocked")
	if err := os.MkdirAll(blocked, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(blocked, "aptos"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ dir, want string }{
		{file, "cannot be written: "},
		{filepath.Join(file, "logs"), "cannot be written: "},
		{blocked, "cannot be written: mkdir " + filepath.Join(blocked, "aptos")},
		{"/proc/logs", "cannot be written: "}, // not even by root
		{taken, "in use by another process: give each its own with --log-dir"},
	} {
		_, _, err := New(&bytes.Buffer{}, config.Log{Dir: test.dir}, kinds)
		if err == nil || !strings.HasPrefix(err.Error(), "log folder "+test.dir+": ") && !strings.HasPrefix(err.Error(), "log folder "+test.dir+" ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.dir, err)
		}
	}
	if err := os.Remove(filepath.Join(blocked, "aptos")); err != nil {
		t.Fatal(err)
	}
	opened(t, blocked) // a failed call has released its lock
}

func TestFolderIsFreeAfterClose(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		log, closer, err := New(&bytes.Buffer{}, config.Log{Dir: dir}, kinds)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("x", "i", i)
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if text := written(t, dir)["node/info.log"]; strings.Count(text, "\n") != 2 {
		t.Errorf("after two processes: %s", text)
	}
}

// A file that can no longer be written affects neither the others nor stderr, where the
// error is reported once.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full")
	}
	dir := t.TempDir()
	log, f, stderr := opened(t, dir)
	if err := os.Symlink("/dev/full", filepath.Join(dir, "evm", "info.log")); err != nil {
		t.Fatal(err)
	}
	const complaint = "a log file cannot be written: its records appear here only"
	for i := range 3 {
		log.Info("lost", "chain", "bsc", "i", i)
		log.Info("kept", "chain", "aptos", "i", i)
	}
	if n := strings.Count(stderr.String(), complaint); n != 1 || !strings.Contains(stderr.String(), "no space left on device") {
		t.Errorf("said %d times:\n%s", n, stderr)
	}
	if n := strings.Count(stderr.String(), "\n"); n != 7 {
		t.Errorf("%d lines on stderr:\n%s", n, stderr)
	}
	if text := written(t, filepath.Join(dir, "aptos"))["info.log"]; strings.Count(text, "msg=kept") != 3 {
		t.Errorf("in the file of another kind: %s", text)
	}
	f.reportedAt = f.reportedAt.Add(-2 * errorInterval)
	log.Info("lost", "chain", "bsc")
	if n := strings.Count(stderr.String(), complaint); n != 2 {
		t.Errorf("hours later it is said %d times:\n%s", n, stderr)
	}
}

// A line that was cut short for lack of space does not damage later lines.
func TestRoomAgain(t *testing.T) {
	dir := t.TempDir()
	log, _, _ := opened(t, dir)
	log.Info("first")
	undo := limitFiles(t, 100)
	for i := range 5 {
		log.Info(strings.Repeat("x", 60), "i", i)
	}
	undo()
	log.Info("last")
	lines := strings.Split(written(t, dir)["node/info.log"], "\n")
	if len(lines) != 4 || !strings.HasSuffix(lines[0], "msg=first") || !strings.Contains(lines[1], "xxx") || !strings.HasSuffix(lines[2], "msg=last") || lines[3] != "" {
		t.Errorf("%q", lines)
	}
}

// limitFiles limits the size of files that the process can write, until undo.
func limitFiles(t *testing.T, size uint64) (undo func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limited := before
	limited.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
}

// A full file is rotated, with the time in its name; the new file has the same
// permissions; the oldest is removed.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "evm")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range OldFiles {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("error-2026-01-0%dT00-00-00.000.log", i+1)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	full := filepath.Join(folder, "error.log")
	if err := os.WriteFile(full, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(full, MaxSize<<20-10); err != nil {
		t.Fatal(err)
	}
	log, _, _ := opened(t, dir)
	log.Error("new", "chain", "ethereum")
	if text, err := os.ReadFile(full); err != nil || strings.Count(string(text), "\n") != 1 {
		t.Errorf("the new file has %q, %v", text, err)
	}
	if info, err := os.Stat(full); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the new file: %v, %v", info.Mode(), err)
	}
	oldest := filepath.Join(folder, "error-2026-01-01T00-00-00.000.log")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(oldest); os.IsNotExist(err) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the oldest file is still there")
		}
	}
	old, err := filepath.Glob(filepath.Join(folder, "error-*.log"))
	if err != nil || len(old) != OldFiles {
		t.Fatalf("old files: %v, %v", old, err)
	}
	at := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(old[OldFiles-1]), "error-"), ".log")
	if aside, err := time.Parse("2006-01-02T15-04-05.000", at); err != nil || time.Since(aside).Abs() > time.Minute {
		t.Errorf("the newest old file is %s: %v", old[OldFiles-1], err)
	}
}

func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	log, _, stderr := opened(t, dir)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			l := log.With("i", i)
			for range 50 {
				l.Info("x", "chain", "bsc")
			}
		})
	}
	group.Wait()
	if n, m := strings.Count(stderr.String(), "\n"), strings.Count(written(t, dir)["evm/info.log"], "\n"); n != 400 || m != 400 {
		t.Errorf("%d lines on stderr, %d in the file", n, m)
	}
}
