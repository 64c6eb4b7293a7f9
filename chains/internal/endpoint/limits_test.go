package endpoint

import (
	"math/bits"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// capped is an endpoint that answers requests for at most so much.
type capped struct {
	most    int64
	named   bool
	lasting bool
	refused []int64 // what was asked for in vain
}

// ask asks for as much as a limit allows, once.
func (c *capped) ask(l *limit, wanted int64) (asked int64) {
	asked = l.toAsk(wanted)
	if asked <= c.most {
		l.succeed(asked)
		return asked
	}
	c.refused = append(c.refused, asked)
	named := int64(0)
	if c.named {
		named = c.most
	}
	l.refuse(asked, named, c.lasting)
	return asked
}

func TestALimitIsFoundByBisectionAndKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := capped{
			most:    rapid.Int64Range(1, 200_000).Draw(t, "most"),
			named:   rapid.Bool().Draw(t, "named"),
			lasting: true,
		}
		wanted := rapid.Int64Range(1, 100_000).Draw(t, "wanted")
		var l limit
		requests := bits.Len64(uint64(wanted)) + 5
		if c.named {
			requests = 1
		}
		for range requests {
			if asked := c.ask(&l, wanted); asked < 1 || asked > wanted {
				t.Fatalf("%d asked for where %d are wanted", asked, wanted)
			}
		}
		found := min(wanted, c.most)
		for range 10_000 {
			asked := c.ask(&l, wanted)
			if asked > c.most || asked < found-found/8-1 || c.named && asked != found {
				t.Fatalf("after %d requests %d are asked for where %d are answered: %+v", requests, asked, c.most, l)
			}
		}
		slices.Sort(c.refused)
		if len(slices.Compact(slices.Clone(c.refused))) != len(c.refused) {
			t.Fatalf("asked again for what was refused: %v", c.refused)
		}
	})
}

func TestALimitThatPassesIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.Int64Range(100, 100_000).Draw(t, "wanted")
		c := capped{most: rapid.Int64Range(1, 99).Draw(t, "most for a while")}
		var l limit
		for range rapid.IntRange(30, 300).Draw(t, "while") {
			c.ask(&l, wanted)
		}
		c.most = wanted
		for i := range 2000 {
			if c.ask(&l, wanted) == wanted {
				t.Logf("after %d", i)
				return
			}
		}
		t.Fatalf("still %d of %d", l.toAsk(wanted), wanted)
	})
}

func TestALimitThatMayPassIsTriedAgainRarely(t *testing.T) {
	c := capped{most: 1000}
	var l limit
	const requests = 100_000
	for range requests {
		c.ask(&l, 50_000)
	}
	if n := len(c.refused); n > 100 {
		t.Errorf("%d of %d requests were refused", n, requests)
	}
}

func TestWhatWasRefusedForGoodIsNotTriedAgainAfterSomethingPassing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l limit
		never := int64(1 << 60)
		for range rapid.IntRange(1, 500).Draw(t, "requests") {
			n := l.toAsk(rapid.Int64Range(1, 10_000).Draw(t, "wanted"))
			if n >= never {
				t.Fatalf("%d asked for, which was refused for good at %d", n, never)
			}
			switch rapid.IntRange(0, 20).Draw(t, "outcome") {
			case 0:
				l.refuse(n, 0, true)
				if n > 1 {
					never = min(never, n)
				}
			case 1:
				l.refuse(n, 0, false)
			default:
				l.succeed(n)
			}
		}
	})
}

func TestManyInFlightAreRefusedTogether(t *testing.T) {
	var one, many limit
	one.refuse(1000, 0, false)
	for range 16 {
		many.refuse(1000, 0, false)
	}
	if one != many {
		t.Errorf("%+v after one refusal, %+v after 16 of the same", one, many)
	}
	many.succeed(1000) // another part of the chain
	if at := many.toAsk(100_000); at <= 1000 || at > 4000 {
		t.Errorf("%d are asked for after 1,000 were answered", at)
	}
}

func TestANamedLimitThatIsNotTrueIsNotAskedForEver(t *testing.T) {
	c := capped{most: 700, lasting: true}
	var l limit
	l.refuse(10_000, 1000, true)
	for range 20 {
		c.ask(&l, 10_000)
	}
	if at := l.toAsk(10_000); at > 700 || at < 600 {
		t.Errorf("%d are asked for where 700 are answered: %+v", at, l)
	}
}

func TestLimitsOfAnEndpoint(t *testing.T) {
	var l Limits
	if l.Blocks(0) != 1 || l.Batch(0) != 1 || l.Addresses(0) != 1 {
		t.Error("nothing is asked for")
	}
	l.BlocksRefused(5000, Refusal{Class: TooManyResults, Limit: 10})
	if at := l.Blocks(5000); at != 2500 {
		t.Errorf("%d blocks after too many results of 5,000", at)
	}
	l.BlocksRefused(2500, Refusal{Class: RangeTooLarge, Limit: 1000})
	if at := l.Blocks(5000); at != 1000 {
		t.Errorf("%d blocks after a limit of 1,000 was named", at)
	}
	l.AddressesRefused(1000, 10)
	if at := l.Addresses(1000); at != 10 {
		t.Errorf("%d addresses after a limit of 10 was named", at)
	}
	l.BatchSuspected(100)
	if at := l.Batch(100); at != 100 {
		t.Errorf("batches of %d after one failure", at)
	}
	l.BatchAnswered(100)
	l.BatchSuspected(100)
	if at := l.Batch(100); at != 100 {
		t.Errorf("batches of %d after two failures with a success between", at)
	}
	l.BatchSuspected(80)
	if at := l.Batch(100); at >= 80 {
		t.Errorf("batches of %d after two failures in a row", at)
	}
}

func TestAMissingMethodIsAskedForAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Limits
		if l.LacksMethod("a") {
			t.Error("lacks what was not asked for")
		}
		l.MarkMethodMissing("a")
		if !l.LacksMethod("a") || l.LacksMethod("b") {
			t.Error("the wrong method is missing")
		}
		time.Sleep(missingFor)
		if l.LacksMethod("a") {
			t.Error("missing for ever")
		}
	})
}
