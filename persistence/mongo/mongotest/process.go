package mongotest

import (
	"os/exec"
	"runtime"
)

// process is a child that ends with its parent, however that ends.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended and been reaped
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	endWithParent(cmd)
	p := &process{cmd, make(chan struct{})}
	started := make(chan error)
	go func() {
		// To the kernel the parent is the thread that started the child: it must last
		// as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its state
			close(p.gone)
		}
	}()
	return p, <-started
}

// kill ends the process at once, paused or not, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it fails only when the process has ended
	<-p.gone
}
