package cluster

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever nodes come, go, die, are paused and are cut off, no two of them are certain to
// own a chain at the same time. At rest, each chain's owner is.
func TestOneNodeIsCertainToOwnAChain(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { trustHistory(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func trustHistory(t *testing.T, r *rand.Rand) {
	tab, chains := newTable(), names("chain", 6)
	var all []*process
	defer func() {
		for _, p := range all {
			if p.dead {
				p.cleanUp()
				continue
			}
			p.stop()
			<-p.done
		}
	}()
	elapse := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			checkTrust(t, all)
		}
	}
	for i := range 25 {
		switch p := someProcess(r, all); {
		case p == nil || r.IntN(4) == 0:
			all = append(all, start(tab, i%5, chains)) // also of a name that lives, or has died
		case r.IntN(4) == 0:
			p.kill()
		default:
			p.setCut(!p.cut)
		}
		elapse(time.Duration(r.IntN(6000)) * time.Millisecond)
	}
	for _, p := range all {
		if !p.dead {
			p.setCut(false)
		}
	}
	elapse(30 * time.Second)
	if n := checkTrust(t, all); n != len(chains) && someProcess(r, all) != nil {
		t.Errorf("at rest, %d of %d chains have an owner that is certain", n, len(chains))
	}
}

// someProcess returns a process that was not killed; nil if there is none.
func someProcess(r *rand.Rand, all []*process) *process {
	for _, i := range r.Perm(len(all)) {
		if !all[i].dead {
			return all[i]
		}
	}
	return nil
}

// checkTrust returns the number of chains with an owner that is certain. It includes killed
// processes: a paused one would go on to answer.
func checkTrust(t *testing.T, all []*process) int {
	t.Helper()
	by := map[string]string{}
	for i, p := range all {
		for _, chain := range p.stage.trusted() {
			if other, twice := by[chain]; twice {
				t.Fatalf("%s and %s are certain to own %s", other, p.name, chain)
			}
			by[chain] = fmt.Sprint(p.name, ", process ", i)
		}
	}
	return len(by)
}
