package history

import "time"

// TakeOver is a change of a chain's owner.
type TakeOver struct {
	Chain string
	Epoch int64
	At    time.Time
	To    string // the node
	// Silence is the time between the last commit before the take-over and the first
	// commit at the epoch; it has no end until there is one.
	Silence
}

// Silence is a period without commits on a chain.
type Silence struct{ From, To time.Time }

// Length returns the duration of the silence.
func (s Silence) Length() time.Duration { return s.To.Sub(s.From) }

// notable is the shortest silence that is recorded.
const notable = 200 * time.Millisecond

// timeline records when a chain was taken over and when it was silent.
type timeline struct {
	last      time.Time // commit
	takeOvers []TakeOver
	open      int // how many of the latest take-overs have no commit yet
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

// TakeOvers returns the changes of owners so far, without each chain's first owner.
func (c *Checker) TakeOvers() []TakeOver {
	var all []TakeOver
	for _, ch := range c.chains {
		all = append(all, ch.takeOvers...)
	}
	return all
}

// Silences returns the recorded silences of a chain, in order.
func (c *Checker) Silences(chain string) []Silence { return c.chain(chain).silences }
