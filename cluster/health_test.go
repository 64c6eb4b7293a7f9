package cluster

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imart/event-worker/persistence"
)

// A clock that is wrong is said once, and again after it was right.
func TestClock(t *testing.T) {
	var log strings.Builder
	k := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	server := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, test := range []struct {
		ahead time.Duration
		want  string
	}{
		{0, ""},
		{59 * time.Second, ""},
		{3 * time.Minute, " ahead=3m0s\n"},
		{3*time.Minute + time.Second, ""},
		{-time.Second, ""},
		{-5*time.Minute - 100*time.Millisecond, " ahead=-5m0s\n"},
	} {
		log.Reset()
		k.checkClock(persistence.Node{SeenAt: server, Heartbeat: persistence.Heartbeat{Clock: server.Add(test.ahead)}})
		said := log.String()
		if test.want == "" && said != "" || !strings.HasSuffix(said, test.want) {
			t.Errorf("%v ahead: it says %q, want %q", test.ahead, said, test.want)
		}
		if test.want != "" && !strings.Contains(said, "level=WARN msg=\"this machine's clock and MongoDB's differ: nothing depends on it but the times in logs and in status; set it by NTP\"") {
			t.Errorf("%v ahead: it says %q", test.ahead, said)
		}
	}
}

// That MongoDB is away is said when it has been for a while, and that it is back when
// it is: not when the process ends before.
func TestRegistryAway(t *testing.T) {
	for _, back := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := start(newTable(), 1, nil)
			time.Sleep(5 * time.Second)
			p.setCut(true)
			time.Sleep(20 * time.Second)
			if err := p.coordinator.Ready(); err == nil || !strings.HasPrefix(err.Error(), "MongoDB has not answered for 2") {
				t.Errorf("while it is away the node is ready but for %v", err)
			}
			p.setCut(!back)
			time.Sleep(5 * time.Second)
			if err := p.coordinator.Ready(); (err == nil) != back {
				t.Errorf("back: %v, ready but for %v", back, err)
			}
			p.stop()
			if err := <-p.done; err != nil {
				t.Error(err)
			}
			text := p.log.String()
			if n := strings.Count(text, "MongoDB does not answer"); n != 1 {
				t.Errorf("that it is away is said %d times:\n%s", n, text)
			}
			if strings.Contains(text, "MongoDB answers again") != back {
				t.Errorf("back: %v, and it says\n%s", back, text)
			}
		})
	}
}
