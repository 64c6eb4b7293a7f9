package seaporttest_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/imart/event-worker/internal/seaporttest"
)

func TestRandom(t *testing.T) {
	seed := uint64(1)
	fmt.Sscan(os.Getenv("S"), &seed)
	begun := time.Now()
	w := seaporttest.Start(t)
	t.Log("started", time.Since(begun))
	begun = time.Now()
	w.Random(rand.New(rand.NewPCG(seed, 0)), 150)
	t.Log("random", time.Since(begun))
	for _, l := range w.History {
		t.Log(l)
	}
	head := w.Head().Hash
	begun = time.Now()
	n := 0
	for _, o := range w.Orders {
		err := w.CanFill(o, head)
		t.Log(o.Kind, w.GetOrderStatus(o.Hash, head), o.Validated, len(o.Signature), err)
		if err == nil {
			n++
		}
	}
	t.Log("fillable", n, "of", len(w.Orders), time.Since(begun))
}
