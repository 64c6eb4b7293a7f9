package progress

import (
	"context"
	"fmt"
	"testing"

	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

const (
	subjectID = "ethereum/seaport/list/subject"
	loggerID  = "ethereum/seaport/list/activity"
)

func TestAHealthyStreamIsNotLogged(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	for _, status := range []string{persistence.Following, persistence.Backfilling, persistence.Following, persistence.Following} {
		w.is(subjectID, status, 1, "")
		w.says(status) // behind for a moment
	}
}

func TestAStreamFallsBehind(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	w.claim(subjectID, "me", 0)
	w.says("before it knows")
	w.is(subjectID, persistence.Backfilling, 900, "")
	w.says("at the beginning")
	w.is(subjectID, persistence.Backfilling, 500, "")
	w.says("on its way")
	w.is(subjectID, persistence.Following, 3, "")
	w.says("at the head", `INFO msg="stream has caught up" stream=ethereum/seaport/list lag=3`)
	w.is(subjectID, persistence.Backfilling, 70, "")
	w.says("behind")
	w.is(subjectID, persistence.Backfilling, 80, "")
	w.says("still behind", `WARN msg="stream has fallen behind" stream=ethereum/seaport/list lag=80`)
	w.says("ever behind")
	w.is(subjectID, persistence.Retrying, 90, "refused")
	w.says("failing besides", `WARN msg="stream is failing" stream=ethereum/seaport/list reason=refused`)
	w.is(subjectID, persistence.Backfilling, 95, "")
	w.says("well, but behind", `INFO msg="stream has recovered" stream=ethereum/seaport/list`)
	w.is(subjectID, persistence.Following, 0, "")
	w.says("at the head again", `INFO msg="stream has caught up" stream=ethereum/seaport/list lag=0`)
}

// An actor that is being retried looks healthy for a moment each time.
func TestAStreamFails(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	w.is(subjectID, persistence.Following, 0, "")
	w.is(loggerID, persistence.Following, 0, "")
	w.says("well")
	w.is(loggerID, persistence.Retrying, 0, "no room")
	w.says("failing", `WARN msg="stream is failing" stream=ethereum/seaport/list reason="no room"`)
	w.says("still failing")
	w.claim(loggerID, "me", 1)
	w.is(loggerID, persistence.Following, 0, "")
	w.says("tried again")
	w.is(loggerID, persistence.Retrying, 0, "no room")
	w.says("failing again")
	w.claim(loggerID, "me", 1)
	w.is(loggerID, persistence.Following, 0, "")
	w.says("tried once more")
	w.says("with success", `INFO msg="stream has recovered" stream=ethereum/seaport/list`)
}

func TestAnActorOfNoStreamFails(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	w.is("ethereum/head", persistence.Retrying, 0, "refused")
	w.says("failing", `WARN msg="actor is failing" actor=ethereum/head reason=refused`)
	w.is("ethereum/head", persistence.Following, 0, "")
	w.says("well", `INFO msg="actor has recovered" actor=ethereum/head`)
}

// A chain is summarised at intervals, and more often while something is wrong.
func TestSummaries(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum", "bsc", "base")
	w.has(loggerID, 5) // before this process
	w.Start(t.Context())
	w.has(loggerID, 2)
	w.has("ethereum/seaport/list/order-list", 7) // the same events
	w.has("ethereum/seaport/buy/activity", 1)
	w.is("ethereum/seaport/buy/subject", persistence.Following, 12, "")
	w.is(subjectID, persistence.Following, 3, "")
	w.is("bsc/seaport/list/subject", persistence.Retrying, 40, "refused")
	w.is("base/seaport/list/subject", persistence.Backfilling, 500, "")
	said := map[int]string{}
	for i := 1; i <= 2*calmLooks; i++ {
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			w.said.Reset() // drops the failure of bsc
		}
		if w.said.Len() > 0 {
			said[i] = timePattern.ReplaceAllString(w.said.String(), "")
		}
		w.said.Reset()
	}
	want := map[int]string{}
	for i := busyLooks; i <= 2*calmLooks; i += busyLooks {
		want[i] = "INFO msg=summary chain=base streams=1 events=0 lag=500 retrying=0\n" +
			"INFO msg=summary chain=bsc streams=1 events=0 lag=40 retrying=1\n"
	}
	want[calmLooks] += "INFO msg=summary chain=ethereum streams=2 events=3 lag=12 retrying=0\n"
	want[2*calmLooks] += "INFO msg=summary chain=ethereum streams=2 events=0 lag=12 retrying=0\n"
	if fmt.Sprint(said) != fmt.Sprint(want) {
		t.Errorf("says %v\nwant %v", said, want)
	}
	w.has("ethereum/seaport/buy/activity", 4)
	if err := w.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.heard("when all have caught up",
		"INFO msg=summary chain=base streams=1 events=0 lag=500 retrying=0",
		"INFO msg=summary chain=bsc streams=1 events=0 lag=40 retrying=1",
		"INFO msg=summary chain=ethereum streams=2 events=4 lag=12 retrying=0",
		`INFO msg="every stream has caught up"`)
}

// A summary names the endpoints that are not up, if there are any, in a printable form.
func TestSummariesNameEndpointsThatAreNotUp(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "bsc", "ethereum")
	w.Start(t.Context())
	for _, chain := range []string{"bsc", "ethereum"} {
		w.is(chain+"/head", persistence.Following, 0, "")
	}
	up := persistence.Endpoint{Host: "a.example.com", State: persistence.EndpointUp}
	for chain, endpoints := range map[string][]persistence.Endpoint{
		"bsc":      {up},
		"ethereum": {up, {Host: "b.example.com", State: "lagging"}, {Host: "c\x1b\n", State: "down"}},
	} {
		report := persistence.Report{Status: persistence.Following, Endpoints: endpoints}
		if err := w.store.Report(t.Context(), w.docs[chain+"/head"].Ref(), report); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.heard("when all have caught up",
		"INFO msg=summary chain=bsc streams=0 events=0 lag=0 retrying=0",
		`INFO msg=summary chain=ethereum streams=0 events=0 lag=0 retrying=0 endpoints="b.example.com lagging, c\\x1b down"`,
		`INFO msg="every stream has caught up"`)
}

// A chain that is stopped by a finality violation has failed.
func TestBrokenFinalityIsAFailure(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	w.is("ethereum/head", persistence.Following, 0, "")
	w.says("while all is well")
	w.is("ethereum/head", persistence.FinalityBroken, 0, "block 7 was final")
	w.says("when finality is broken", `WARN msg="actor is failing" actor=ethereum/head reason="block 7 was final"`)
}

// The lag is the subject's, unless the observers' positions prove a smaller one.
func TestLag(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	for _, test := range []struct {
		said, blocks, want int64
	}{{70, 30, 70}, {70, 60, 10}, {5, 0, 5}, {70, 10, 0}} { // the head is at 100
		w.is(subjectID, persistence.Following, test.said, "")
		w.move(loggerID, test.blocks, 0)
		all, ok := w.readOwned(t.Context())
		if !ok || len(all) != 1 || all[0].Lag() != test.want {
			t.Errorf("%+v: %+v", test, all)
		}
	}
	w.has("ethereum/seaport/list/order-list", 0)
	if all, ok := w.readOwned(t.Context()); !ok || all[0].Lag() != 70 {
		t.Errorf("with an observer that is further behind: %+v", all)
	}
}

// Chains that other processes follow or that are no longer configured are not logged,
// nor are streams that are no longer followed.
func TestWhatIsNotFollowedHere(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum", "bsc", "old")
	w.chains = []string{"ethereum", "bsc"}
	w.Start(t.Context())
	w.claim("bsc/seaport/list/subject", "another", 0)
	w.is("bsc/seaport/list/subject", persistence.Retrying, 0, "refused")
	w.is("old/seaport/list/subject", persistence.Retrying, 0, "refused")
	w.is(subjectID, persistence.Following, 0, "")
	w.is("ethereum/seaport/buy/subject", persistence.Stopped, 70, "")
	w.says("of others")
	if err := w.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.heard("when all have caught up",
		"INFO msg=summary chain=ethereum streams=1 events=0 lag=0 retrying=0", `INFO msg="every stream has caught up"`)
}

// An unavailable store does not stop the Logger, and is reported once.
func TestTheStoreIsAway(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	w.is(subjectID, persistence.Following, 0, "")
	w.says("while it is there")
	folder := t.TempDir()
	gone, err := embedded.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	w.Logger.docs = gone
	_, err = persistence.Collect[persistence.Actor](t.Context(), gone, persistence.Query{Collection: persistence.Actors})
	w.says("when it is away", fmt.Sprintf(`ERROR msg="the actors' documents cannot be read: the progress of streams is not logged until they can" error=%q`, err))
	w.says("while it is away")
	if err := w.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.heard("when all have caught up", `INFO msg="every stream has caught up"`)
	w.Logger.docs = w.store
	w.is(subjectID, persistence.Retrying, 0, "refused")
	w.says("when it is back", `INFO msg="the actors' documents can be read again"`, `WARN msg="stream is failing" stream=ethereum/seaport/list reason=refused`)
	w.says("later")
}

// A look that is canceled reports no error.
func TestLookingWhileStopping(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Look(ctx); err != nil {
		t.Fatal(err)
	}
	w.heard("while it stops")
}

// Events are counted from the first read of the documents, even if they could not be
// read at the start.
func TestEventsBeforeTheFirstLookAreNotCounted(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.has(loggerID, 5)
	gone, err := embedded.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	w.Logger.docs = gone
	w.Start(t.Context())
	w.said.Reset() // drops the report of the unavailable store
	w.Logger.docs = w.store
	w.says("when it can read", `INFO msg="the actors' documents can be read again"`)
	w.has(loggerID, 2)
	if err := w.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.heard("in the end", `INFO msg=summary chain=ethereum streams=1 events=2 lag=0 retrying=0`, `INFO msg="every stream has caught up"`)
}

// Events that another node adds are not counted when the chain returns.
func TestEventsElsewhereAreNotCounted(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.Start(t.Context())
	w.has(loggerID, 1)
	w.says("here")
	w.claim(loggerID, "another", 0)
	w.has(loggerID, 100)
	w.says("there")
	w.claim(loggerID, "me", 0)
	w.says("here again")
	w.has(loggerID, 2)
	if err := w.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.heard("in the end", `INFO msg=summary chain=ethereum streams=1 events=2 lag=0 retrying=0`, `INFO msg="every stream has caught up"`)
}

// A stream that is no longer followed is removed from the summary's sum.
func TestEventsOfStoppedStreamsAreNotSubtracted(t *testing.T) {
	t.Parallel()
	w := newWatched(t, "ethereum")
	w.has("ethereum/seaport/buy/activity", 50)
	w.is("ethereum/seaport/buy/activity", persistence.Stopped, 0, "")
	w.Start(t.Context())
	w.has(loggerID, 2)
	if err := w.CaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.heard("in the end", `INFO msg=summary chain=ethereum streams=1 events=2 lag=0 retrying=0`, `INFO msg="every stream has caught up"`)
}
