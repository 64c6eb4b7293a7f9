// Package child runs processes that end with their parent, however that ends, and
// does to them what befalls processes.
package child

import (
	"os/exec"
	"runtime"
)

// Process is a child process.
type Process struct {
	*exec.Cmd
	// Gone is closed when the process has ended and been reaped.
	Gone <-chan struct{}
}

// Start starts a command.
func Start(cmd *exec.Cmd) (*Process, error) {
	endWithParent(cmd)
	gone, started := make(chan struct{}), make(chan error)
	go func() {
		// To the kernel the parent is the thread that started the child: it must last
		// as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its state
			close(gone)
		}
	}()
	return &Process{cmd, gone}, <-started
}

// Kill ends the process at once, paused or not, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.Process.Kill() // it fails only when the process has ended
	<-p.Gone
}
