package demo

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

// Recordings are the recorded chains that are embedded in the program.
type Recordings struct {
	Files  fs.FS
	Folder string // in Files, with one folder for each chain
}

// Open opens the recording of a chain.
func (r Recordings) Open(chain string) (*replay.Recording, error) {
	folder, err := fs.Sub(r.Files, path.Join(r.Folder, chain))
	if err != nil {
		return nil, err
	}
	return replay.Open(folder)
}

// names returns the recorded chains: those of the demo, or all folders.
func (r Recordings) names(all bool) (names []string, err error) {
	if !all {
		for _, ref := range Markets {
			names = append(names, ref.Chain)
		}
		return names, nil
	}
	files, err := fs.Glob(r.Files, path.Join(r.Folder, "*", "chain.json"))
	if err == nil && len(files) == 0 {
		err = errors.New("there is no folder with a chain.json in it")
	}
	for _, file := range files {
		names = append(names, path.Base(path.Dir(file)))
	}
	return names, err
}

// Numbers returns the known event numbers of a chain's handles if it is configured as a
// recording, or else nil.
func (r Recordings) Numbers(c config.Chain) (func(markets.Source) []int64, error) {
	if !c.Recorded {
		return nil, nil
	}
	recorded, err := r.Open(c.Name)
	if errors.Is(err, fs.ErrNotExist) {
		var names []string
		for _, ref := range Markets {
			names = append(names, ref.Chain)
		}
		return nil, fmt.Errorf("recorded: the program has no recording of that name, only of %s: remove recorded for a real chain", strings.Join(names, " and "))
	}
	if err != nil {
		return nil, err
	}
	if recorded.ChainID != c.ID || recorded.Kind != string(c.Kind) {
		return nil, fmt.Errorf("recorded: the recording is of kind %s with chain id %d, but kind %s and chainId %d are configured: correct them, or remove recorded for a real chain", recorded.Kind, recorded.ChainID, c.Kind, c.ID)
	}
	return numbers(recorded), nil
}
