//go:build unix

package mongotest

import (
	"errors"
	"fmt"
	"syscall"
)

// Pause stops the server's process in its tracks and returns when it stands:
// connections stay open and nothing answers.
func (s *Server) Pause() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return
	}
	if err := s.mongod.process.pause(); err != nil {
		s.t.Errorf("pause: %v", err)
	}
	s.paused = true
}

// Resume lets a paused server go on.
func (s *Server) Resume() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mongod.process.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		s.t.Errorf("resume: %v", err)
	}
	s.paused = false
}

// pause returns when every thread of the process stands still, some time after it
// was told to.
func (p *process) pause() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	var status syscall.WaitStatus
	_, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	for errors.Is(err, syscall.EINTR) {
		_, err = syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
	}
	if err == nil && !status.Stopped() {
		err = fmt.Errorf("it has ended: %v", status)
	}
	return err
}
