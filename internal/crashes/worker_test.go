package crashes

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/child"
	"github.com/imart/event-worker/internal/programtest"
)

// worker is a process of the real program, in one life after the other.
type worker struct {
	name    string
	program string
	dir     string
	environ []string
	kills   []kill // of its next lives
	lives   int
	process *child.Process // nil before the first life
	ended   bool           // as it should: by SIGTERM, or killed where it was to be killed
}

// kill is a failpoint at which a life ends.
type kill struct {
	point string
	nth   int
}

func (k kill) String() string { return fmt.Sprintf("%s#%d", k.point, k.nth) }

func parseKill(text string) (kill, error) {
	point, nth, _ := strings.Cut(text, "#")
	n, err := strconv.Atoi(nth)
	return kill{point, n}, err
}

func newWorker(t *testing.T, program, name string, n network, at data) *worker {
	w := &worker{name: name, program: program, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(w.dir, "event-worker.yaml"), []byte(n.configuration(name)), 0o600); err != nil {
		t.Fatal(err)
	}
	w.environ = append(programtest.Environ(), "FAILPOINTS_TRACE="+w.trace(), "GOGC=off", "GOMEMLIMIT=256MiB")
	w.environ = append(w.environ, at.environ()...)
	t.Cleanup(func() {
		if w.up() {
			w.process.Kill()
		}
	})
	return w
}

// trace is the file with the points that the worker has reached.
func (w *worker) trace() string { return filepath.Join(w.dir, "trace") }

func (w *worker) log() string { return filepath.Join(w.dir, "log") }

// start begins the worker's next life.
func (w *worker) start() error {
	log, err := os.OpenFile(w.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own descriptor
	cmd := exec.Command(w.program, "run")
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.dir, log, log
	cmd.Env = append(w.environ[:len(w.environ):len(w.environ)], "FAILPOINTS="+w.kill())
	w.lives, w.ended = w.lives+1, false
	w.process, err = child.Start(cmd)
	return err
}

// kill is where the present or next life ends; empty if nowhere.
func (w *worker) kill() string {
	if len(w.kills) == 0 {
		return ""
	}
	return w.kills[0].String()
}

func (w *worker) up() bool {
	if w.process == nil {
		return false
	}
	select {
	case <-w.process.Gone:
		return false
	default:
		return true
	}
}

// killed notes the end of a life, and says where it was killed. An error means that it ended
// otherwise.
func (w *worker) killed() (at kill, err error) {
	if !endedBy(w.process, syscall.SIGKILL) || len(w.kills) == 0 {
		return kill{}, fmt.Errorf("worker %s ended: %v", w.name, w.process.ProcessState)
	}
	at, w.kills = w.kills[0], w.kills[1:]
	return at, nil
}

func endedBy(p *child.Process, signal syscall.Signal) bool {
	status, ok := p.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == signal
}

// stopWithin is how long a worker may take to stop.
const stopWithin = 20 * time.Second

// stop asks the worker to stop, and waits until its process has ended.
func (w *worker) stop() error {
	if err := w.process.Process.Signal(syscall.SIGTERM); err != nil {
		return nil // it has just been killed
	}
	select {
	case <-w.process.Gone:
		w.ended = w.process.ProcessState.Success() || endedBy(w.process, syscall.SIGTERM) // before the program could handle it
		return nil
	case <-time.After(stopWithin):
		return fmt.Errorf("worker %s does not end within %v of SIGTERM", w.name, stopWithin)
	}
}
