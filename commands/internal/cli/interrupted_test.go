package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// The end of the context hides no other error.
func TestStopped(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	failure := errors.New("the disk is full")
	wrapped := fmt.Errorf("opening: %w", context.Canceled)
	for _, test := range []struct {
		ctx  context.Context
		err  error
		want string
	}{
		{ended, nil, "<nil>"},
		{ended, wrapped, "<nil>"},
		{ended, errors.Join(wrapped, fmt.Errorf("closing: %w", errors.Join(context.Canceled))), "<nil>"},
		{ended, failure, "the disk is full"},
		{ended, errors.Join(wrapped, failure), "opening: context canceled\nthe disk is full"},
		{t.Context(), wrapped, "opening: context canceled"},
	} {
		if got := fmt.Sprint(Stopped(test.ctx, test.err)); got != test.want {
			t.Errorf("%v: %s, want %s", test.err, got, test.want)
		}
	}
	if got := OneLine(errors.Join(wrapped, failure)); got != "opening: context canceled; the disk is full" {
		t.Error(got)
	}
}
