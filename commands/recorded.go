package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/imart/event-worker/chains/replay"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets"
)

// recording opens the recording of a chain that the program carries.
func (a Assets) recording(chain string) (*replay.Recording, error) {
	folder, err := fs.Sub(a.Recordings, path.Join(a.RecordingsIn, chain))
	if err != nil {
		return nil, err
	}
	return replay.Open(folder)
}

// numbers are those that a chain's handles are known to have if it is configured to
// be a recording; nil if it is not.
func (a Assets) numbers(c config.Chain) (func(markets.Source) []int64, error) {
	if !c.Recorded {
		return nil, nil
	}
	r, err := a.recording(c.Name)
	if errors.Is(err, fs.ErrNotExist) {
		var names []string
		for _, ref := range demoMarkets {
			names = append(names, ref.Chain)
		}
		return nil, fmt.Errorf("recorded: the program has no recording of that name, only of %s: remove recorded for a real chain", strings.Join(names, " and "))
	}
	if err != nil {
		return nil, err
	}
	if r.ChainID != c.ID || r.Kind != string(c.Kind) {
		return nil, fmt.Errorf("recorded: the recording is of kind %s with chain id %d, but kind %s and chainId %d are configured: correct them, or remove recorded for a real chain", r.Kind, r.ChainID, c.Kind, c.ID)
	}
	return numbers(r), nil
}
