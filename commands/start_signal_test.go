package commands

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// hanging returns an address that accepts connections and never answers, and a channel that
// receives once for each of them.
func hanging(t *testing.T) (address string, accepted <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	connections := make(chan struct{}, 1000)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			connections <- struct{}{}
		}
	}()
	return l.Addr().String(), connections
}

// reaches waits until the process has connected.
func (p *process) reaches(accepted <-chan struct{}) {
	p.t.Helper()
	select {
	case <-accepted:
	case <-p.ended:
		p.t.Fatalf("ended without a connection:\n%s", &p.out)
	case <-time.After(patience):
		p.t.Fatalf("does not connect:\n%s", &p.out)
	}
}

// A command that follows or serves ends well when a signal comes before its start is over,
// and reports no failure.
func TestSignalWhileADatabaseHangs(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"run"}, {"demo"}, {"serve"}} {
		for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
			t.Run(args[0]+" "+signal.String(), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
				address, accepted := hanging(t)
				p := launchIn(t, dir, []string{"MONGODB_URI=mongodb://" + address + "/market"}, args...)
				p.reaches(accepted)
				p.ends(signal)
				if said := p.out.String(); strings.Contains(said, "interrupted") || strings.Contains(said, "canceled") {
					t.Errorf("it says\n%s", said)
				}
			})
		}
	}
}

func TestSignalWhileEndpointsHang(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, accepted := hanging(t)
	configured(t, dir, "http://"+address, 1)
	p := launch(t, dir, "run")
	p.reaches(accepted)
	p.ends(syscall.SIGTERM)
	if _, err := os.Stat(filepath.Join(dir, "data")); !os.IsNotExist(err) {
		t.Errorf("the data folder exists: %v", err)
	}
}

// A run that is interrupted while another process locks its database ends, and leaves the
// database to the next run.
func TestSignalWhileTheDatabaseIsLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	conn, err := sqlite.OpenConn(filepath.Join(data, "event-worker.db"), sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteTransient(conn, "BEGIN EXCLUSIVE", nil); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir, "run")
	p.says(`msg="waiting for the database to answer" data="data folder data" waited=2s`)
	p.ends(syscall.SIGTERM)
	if err := sqlitex.ExecuteTransient(conn, "ROLLBACK", nil); err != nil {
		t.Fatal(err)
	}
	output(t, dir, "run", "--once")
}

// A command that was to complete something fails when it is interrupted.
func TestInterruptedBeforeItIsComplete(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ command, want string }{
		{"run --once", "event-worker: interrupted before every stream had caught up: the next start continues from there\n"},
		{"demo --once", "event-worker: interrupted before every stream had caught up: the next start continues from there\n"},
		{"query orders", "event-worker: interrupted\n"},
	} {
		t.Run(test.command, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			configured(t, dir, recordedNode(t, "ethereum").URL(), 1)
			address, accepted := hanging(t)
			p := launchIn(t, dir, []string{"MONGODB_URI=mongodb://" + address + "/market"}, strings.Fields(test.command)...)
			p.reaches(accepted)
			terminate(t, p.Cmd)
			<-p.ended
			if code := p.ProcessState.ExitCode(); code != 1 || !strings.HasSuffix(p.out.String(), test.want) {
				t.Errorf("exit code %d: %s", code, &p.out)
			}
		})
	}
}

// Signals are received before the packages are initialised that take long.
func TestSignalsAreReceivedFirst(t *testing.T) {
	t.Parallel()
	_, trace, _ := result(t, t.TempDir(), []string{"GODEBUG=inittrace=1"}, "version")
	for line := range strings.Lines(trace) {
		pack := strings.Fields(line)[1]
		if strings.HasSuffix(pack, "/internal/interrupt") {
			return
		}
		if strings.HasPrefix(pack, "github.com/imart/") || strings.HasPrefix(pack, "github.com/prometheus/") {
			t.Fatalf("%s is initialised before", pack)
		}
	}
	t.Errorf("internal/interrupt is not initialised:\n%s", trace)
}
