package facts

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/imart/event-worker/markets"
)

// streamOf is the stream of facts of a market whose orders are in Seaport contracts.
func streamOf(market string, contracts []string, notifies bool) markets.Stream {
	return markets.Stream{
		Name: markets.StateStream, Observer: "order-" + markets.StateStream,
		Source:   markets.Source{Facts: market, Addresses: contracts},
		Notifies: notifies,
		Decode:   decode,
	}
}

// decode returns the events that a block's facts are: their JSON is the events' own.
func decode(raws []markets.Raw) (events []markets.Event, failures []markets.Failure) {
	for _, raw := range raws {
		var e markets.Event
		if err := json.Unmarshal(raw.JSON, &e); err != nil {
			failures = append(failures, markets.Failure{Raw: raw, Reason: err})
			continue
		}
		e.Position = raw.Position
		events = append(events, e)
	}
	return events, failures
}

// block is the block at whose end contracts are asked.
type block struct {
	markets.Place
	time time.Time
	head bool // it is the chain's newest, as last seen
}

// raws are the raw events of a block's facts.
func (b block) raws(events []markets.Event) ([]markets.Raw, error) {
	raws := make([]markets.Raw, 0, len(events))
	for i, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("fact about %s: %w", e.Order, err)
		}
		raws = append(raws, markets.Raw{
			Position: markets.Position{Height: b.Seq, Transaction: math.MaxInt32, Log: int32(i)},
			Seq:      b.Seq, Block: b.Hash, Time: b.time, JSON: text,
		})
	}
	return raws, nil
}

// rawOf is the raw event of a fact in the log.
func rawOf(a markets.Activity) (markets.Raw, error) {
	text, err := json.Marshal(a.Event)
	return markets.Raw{Position: a.Position, Seq: a.Seq, Block: a.Block, Transaction: a.Transaction, Time: a.Time, JSON: text}, err
}
