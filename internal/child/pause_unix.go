//go:build unix

package child

import (
	"errors"
	"fmt"
	"syscall"
)

// Pause stops the process in its tracks and returns when every thread of it stands
// still, some time after it was told to: connections stay open and nothing answers.
func (p *Process) Pause() error {
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	var status syscall.WaitStatus
	_, err := syscall.Wait4(p.Process.Pid, &status, syscall.WUNTRACED, nil)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(p.Process.Pid, &status, syscall.WUNTRACED, nil)
	}
	if err == nil && !status.Stopped() {
		err = fmt.Errorf("it has ended: %v", status)
	}
	return err
}

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.Process.Signal(syscall.SIGCONT) }
