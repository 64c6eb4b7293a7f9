package actors

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/mongotest"
	"github.com/imart/event-worker/internal/thorough"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
	"github.com/imart/event-worker/persistence/mongo"
)

func TestMain(m *testing.M) { os.Exit(mongotest.Main(m)) }

// storeVariable makes the worlds of all tests keep what they know in MongoDB if it
// is "mongodb".
const storeVariable = "EVENT_WORKER_TEST_STORE"

// openDisk opens the new, empty store of a world, which closes it.
func openDisk(t testing.TB) persistence.Store {
	t.Helper()
	if os.Getenv(storeVariable) != "mongodb" {
		store, err := embedded.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	store, err := mongo.Open(t.Context(), mongotest.EmptyDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// onMongoDB are the tests of random histories, and others that write much.
var onMongoDB = []string{
	"AChainThatMovesAboutIsExact", "AFeedDeliversEveryChange", "APlacedChainRunsWhileItIsOwned", "ARenewedStoreIsWhatTheLastDefinitionMakes",
	"AStreamBeginsAtOnePlace", "AllObserversSeeTheSameCurrencies", "AnnouncedContractsMoveWithTheirChain", "ChangedDefinitionsAreRenewedOnRequest",
	"HandlesAreFollowedToTheEndOfTheLedger", "OnlyTheMarketsOwnIsKept", "ReorganisationsAboveFinalityAreNoBreaks", "RequestsAmongFailures",
	"TakeOverInTheMiddleOfARewind", "TheEventsOfAnnouncedContractsAreExact", "TheStoreIsWhatTheCanonicalChainMakes", "WhatIsFinalStays",
}

// TestOnMongoDB repeats the tests of onMongoDB with a store on MongoDB. Those of them that wait
// for the server compute little, so more of them run at a time than there are processors.
// EVENT_WORKER_TEST_STORE=mongodb go test -skip "^TestWith|MongoDB$|^TestANodeStops|^TestARollbackIs"
// repeats all.
func TestOnMongoDB(t *testing.T) {
	thorough.Only(t)
	t.Parallel()
	if os.Getenv(storeVariable) != "" {
		t.Skip("this is it")
	}
	timeout := time.Hour
	if deadline, ok := t.Deadline(); ok {
		timeout = time.Until(deadline) - time.Second // leaves time to print its stacks
	}
	tests := "^Test(" + strings.Join(onMongoDB, "|") + ")$"
	if found, err := exec.CommandContext(t.Context(), os.Args[0], "-test.list="+tests).Output(); err != nil || strings.Count(string(found), "\n") != len(onMongoDB) {
		t.Fatalf("of %d tests there are only\n%s%v", len(onMongoDB), found, err)
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+tests, "-test.parallel=4", "-test.timeout="+timeout.String())
	again.Env = append(os.Environ(), storeVariable+"=mongodb", mongotest.Variable+"="+mongotest.URI(t))
	if os.Getenv(historiesVariable) == "" {
		again.Env = append(again.Env, fmt.Sprintf("%s=%d", historiesVariable, max(1, histories()/10)))
	}
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
