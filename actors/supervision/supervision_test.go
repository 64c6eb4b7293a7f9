package supervision

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSuccessEndsARowOfFailures(t *testing.T) {
	f := newFailures()
	for range 5 {
		f.add("a", "hurt", time.Hour)
	}
	if n := f.Get("a").InARow; n != 5 {
		t.Errorf("%d in a row", n)
	}
	f.ended("a")
	f.add("a", "hurt", time.Hour)
	if last := f.Get("a"); last.InARow != 1 || last.Pending != 6 {
		t.Errorf("after a success: %+v", last)
	}
}

func TestHowOftenAFailureIsLogged(t *testing.T) {
	var out bytes.Buffer
	s := New(DefaultBackoff, slog.New(slog.NewTextHandler(&out, nil)))
	for n := 1; n <= 20; n++ {
		s.logRestart("chain/head", "refused", n, time.Second)
	}
	lines := slices.Collect(strings.Lines(out.String()))
	want := []int{1, 2, 4, 8, 16}
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	expect := func(line string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(line, text) {
				t.Errorf("no %q in %s", text, line)
			}
		}
	}
	for i, n := range want {
		expect(lines[i], fmt.Sprintf("failures=%d ", n), "level=WARN", `msg="actor failed, restarting"`, "actor=chain/head", "reason=refused", "in=1s")
	}
	out.Reset()
	s.logRestart("chain/market", "panic: oh no\ngoroutine 7 [running]:\nmain.main()", 1, 0)
	expect(out.String(), "actor=chain/market ", `reason="panic: oh no"`, `stack="goroutine 7 [running]:\nmain.main()"`)
	s.logRestart("chain/market/list", "cut off\nno room", 1, 0) // as errors.Join has it
	expect(out.String(), "actor=chain/market/list", `reason="cut off; no room"`)
}
