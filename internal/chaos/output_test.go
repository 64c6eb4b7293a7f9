package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestOutput(t *testing.T) {
	var o output
	fmt.Fprint(&o, "first\npan")
	fmt.Fprint(&o, "ic: no\nwhere\nunfinished")
	if got := o.end(); got != "first\npanic: no\nwhere" {
		t.Errorf("it said %q", got)
	}
	if got := o.alarming(); got != "panic: no\nwhere" {
		t.Errorf("alarming is %q", got)
	}
	if o.joined() {
		t.Error("it has joined the cluster")
	}
	fmt.Fprintln(&o, `level=INFO msg="joined the cluster"`)
	if !o.joined() {
		t.Error("it has not joined the cluster")
	}
	if o.reset(); o.joined() {
		t.Error("it has joined the cluster in an earlier incarnation")
	}
	for i := range 2 * kept {
		fmt.Fprintln(&o, i)
	}
	if n := strings.Count(o.end(), "\n") + 1; n != kept {
		t.Errorf("%d lines are kept", n)
	}
	if got := o.alarming(); !strings.HasPrefix(got, "panic: no") || strings.Count(got, "\n")+1 != kept {
		t.Errorf("alarming is %q", got)
	}
}
