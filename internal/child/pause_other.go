//go:build !unix

package child

import "errors"

// Pause is for systems that can stop a process in its tracks.
func (p *Process) Pause() error { return errors.ErrUnsupported }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return errors.ErrUnsupported }
