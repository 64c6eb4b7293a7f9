package cluster

import (
	"log/slog"
	"strings"
	"testing"
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
		k.checkClock(persistence.Node{SeenAt: server, Pulse: persistence.Pulse{Clock: server.Add(test.ahead)}})
		said := log.String()
		if test.want == "" && said != "" || !strings.HasSuffix(said, test.want) {
			t.Errorf("%v ahead: it says %q, want %q", test.ahead, said, test.want)
		}
		if test.want != "" && !strings.Contains(said, "level=WARN msg=\"this machine's clock and MongoDB's differ: nothing depends on it but the times in logs and in status; set it by NTP\"") {
			t.Errorf("%v ahead: it says %q", test.ahead, said)
		}
	}
}
