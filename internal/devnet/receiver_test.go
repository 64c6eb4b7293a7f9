package devnet

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/imart/event-worker/persistence"
)

// A delivery that is repeated until it is accepted is processed once.
func TestReceiverProcessesDeliveriesOnce(t *testing.T) {
	r := NewReceiver(rand.New(rand.NewPCG(1, 0)))
	want, failed := Contents{persistence.Orders: {}}, 0
	for i := range 50 {
		id := fmt.Sprint("order-", i)
		for !accepts(r, fmt.Sprint("delivery-", i), fmt.Sprintf(`{"type":"put","collection":"orders","id":%q,"position":"%d","document":{"_id":%[1]q}}`, id, i)) {
			failed++
		}
		want[persistence.Orders][id] = fmt.Sprintf(`{"_id":%q}`, id)
	}
	if differences, err := r.Differences(want); err != nil || len(differences) > 0 {
		t.Error(differences, err)
	}
	if failed == 0 {
		t.Error("no attempt failed")
	}
}

// A clone does not see later deliveries to the original.
func TestReceiverClone(t *testing.T) {
	r := NewReceiver(rand.New(rand.NewPCG(1, 0)))
	clone := r.Clone()
	for !accepts(r, "delivery", `{"type":"put","collection":"orders","id":"a","position":"1","document":{}}`) {
	}
	if differences, err := clone.Differences(Contents{}); err != nil || len(differences) > 0 {
		t.Error(differences, err)
	}
}

// An event in two deliveries, and the removal of what was not there, are errors.
func TestReceiverFindsErrors(t *testing.T) {
	put := `{"type":"put","collection":"orders","id":"a","position":"1","document":{}}`
	for want, deliveries := range map[string][]string{
		"already in an earlier delivery": {put, put},
		"document not found":             {put, `{"type":"removed","collection":"orders","id":"b","position":"2"}`},
	} {
		r := NewReceiver(rand.New(rand.NewPCG(1, 0)))
		for i, events := range deliveries {
			for !accepts(r, fmt.Sprint("delivery-", i), events) {
			}
		}
		if _, err := r.Differences(Contents{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v instead of %s", err, want)
		}
	}
}

// accepts posts a delivery to a receiver, and reports whether it accepts it.
func accepts(r *Receiver, id, events string) bool {
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(fmt.Sprintf(`{"id":%q,"events":[%s]}`, id, events))))
	return answer.Code == http.StatusOK
}
