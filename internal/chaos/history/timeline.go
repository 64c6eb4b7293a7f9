package history

import "time"

// TakeOver is a change of a chain's owner.
type TakeOver struct {
	Chain string
	Epoch int64
	At    time.Time
	To    string // the node
	// Silence is between the last commit before and the first commit at the epoch; it
	// has no end while there is none.
	Silence
}

// Silence is a time in which a chain saw no commit.
type Silence struct{ From, To time.Time }

// Length is how long it lasted.
func (s Silence) Length() time.Duration { return s.To.Sub(s.From) }

// notable is how long a silence must last to be kept.
const notable = 200 * time.Millisecond

// timeline is when a chain was taken over and when it was silent.
type timeline struct {
	last      time.Time // commit
	takeOvers []TakeOver
	open      int // how many of the latest take-overs have seen no commit yet
	silences  []Silence
}

func (l *timeline) taken(t TakeOver) {
	l.takeOvers = append(l.takeOvers, t)
	l.open++
}

func (l *timeline) committed(at time.Time, epoch int64) {
	silence := Silence{l.last, at}
	if !l.last.IsZero() && silence.Length() >= notable {
		l.silences = append(l.silences, silence)
	}
	latest := l.takeOvers[len(l.takeOvers)-l.open:]
	for i := range latest {
		if latest[i].Epoch <= epoch {
			latest[i].Silence = silence
			l.open--
		}
	}
	l.last = at
}

// TakeOvers are the changes of owners so far, without each chain's first.
func (c *Checker) TakeOvers() []TakeOver {
	var all []TakeOver
	for _, ch := range c.chains {
		all = append(all, ch.takeOvers...)
	}
	return all
}

// Silences are those of a chain that lasted a while, in their order.
func (c *Checker) Silences(chain string) []Silence { return c.chain(chain).silences }
