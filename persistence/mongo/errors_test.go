package mongo

import (
	"errors"
	"fmt"
	"testing"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/imart/event-worker/persistence"
)

// A server reports by a code that its oplog no longer has the changes after a position. The
// oplogs of test servers are never full.
func TestErrorsOfPositions(t *testing.T) {
	for code, want := range map[int32]error{286: persistence.ErrPositionGone, 280: persistence.ErrPositionGone, 260: persistence.ErrPositionInvalid} {
		if err := positionError(driver.CommandError{Code: code, Message: "m"}); !errors.Is(err, want) {
			t.Errorf("code %d: %v", code, err)
		}
	}
	for code, want := range map[int32]bool{11600: true, 43: true, 286: false, 13: false} {
		if got := interrupted(driver.CommandError{Code: code}); got != want {
			t.Errorf("code %d can be resumed: %v", code, got)
		}
	}
}

// clearedPool is an error as the driver has it, unlabelled, for an operation that waits for a
// connection of a pool that is cleared.
type clearedPool struct{}

func (clearedPool) Error() string   { return "connection pool for 127.0.0.1:27017 was cleared" }
func (clearedPool) Retryable() bool { return true }

func TestOperationsOutliveTheirPool(t *testing.T) {
	if !transient(fmt.Errorf("ending transactions: %w", clearedPool{})) {
		t.Error("an operation is not repeated although its pool was only cleared")
	}
	if transient(errors.New("a document is too large")) {
		t.Error("an operation is repeated that cannot succeed")
	}
}
