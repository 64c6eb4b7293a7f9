package cli

import (
	"context"
	"errors"
)

// Stopped returns the error of a command that runs until its context ends: nil if err only
// says that the context ended, at whatever moment.
func Stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && interrupted(err) {
		return nil
	}
	return err
}

// interrupted reports whether an error is the end of a context and nothing else. Of joined
// errors all must be.
func interrupted(err error) bool {
	switch wrapper := err.(type) {
	case interface{ Unwrap() []error }:
		for _, e := range wrapper.Unwrap() {
			if !interrupted(e) {
				return false
			}
		}
		return true
	case interface{ Unwrap() error }:
		if inner := wrapper.Unwrap(); inner != nil {
			return interrupted(inner)
		}
	}
	return errors.Is(err, context.Canceled)
}
