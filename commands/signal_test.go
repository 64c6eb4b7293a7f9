package commands

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSecondSignal lets a run hang while it ends: it can no longer write to its
// log. A second signal ends it all the same.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	c := command(t.Context(), dir, nil, "run")
	c.Stderr = writer
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	readUntil(t, reader, "every stream has caught up")
	fill(t, writer)
	terminate(t, c)
	eventually(t, "the actors have stopped", func() bool {
		return len(find(t, filepath.Join(dir, "data"), "actors", `{kind: "subject", state: "stopped"}`)) == 5
	})
	select {
	case err := <-ended:
		t.Fatalf("it does not hang: %v", err)
	default:
	}
	terminate(t, c)
	select {
	case err := <-ended:
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.Exited() {
			t.Errorf("ended with %v, not by the signal", err)
		}
	case <-time.After(patience):
		t.Error("the second signal does not end it")
	}
}

func terminate(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// readUntil reads until a text has come.
func readUntil(t *testing.T, reader *os.File, text string) {
	t.Helper()
	if err := reader.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for buf := make([]byte, 4096); !strings.Contains(said.String(), text); {
		n, err := reader.Read(buf)
		if err != nil {
			t.Fatalf("%v, before it said %q:\n%s", err, text, said.String())
		}
		said.Write(buf[:n])
	}
}

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, writer *os.File) {
	t.Helper()
	fd := int(writer.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	var err error
	for buf := make([]byte, 4096); len(buf) > 0; {
		if _, err = syscall.Write(fd, buf); err != nil {
			buf = buf[:len(buf)/2] // what is left may be less than a page
		}
	}
	if !errors.Is(err, syscall.EAGAIN) {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
}
