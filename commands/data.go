package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/embedded"
)

const (
	defaultConfig = "event-worker.yaml"
	demoData      = "event-worker-demo"
)

// documents answers queries.
type documents interface {
	Query(ctx context.Context, query persistence.Query) iter.Seq2[json.RawMessage, error]
}

// dataFlags are the flags that say which data folder to look into.
type dataFlags struct{ data, config string }

const dataHelp = `The data folder is that of --data, or else of the configuration in --config; with
neither, of the variable EVENT_WORKER_DATA, of the configuration ` + defaultConfig + `, or
of the demo, whichever is there first.`

func (f *dataFlags) add(c *cobra.Command) {
	f.addBoth(c)
	c.MarkFlagsMutuallyExclusive("data", "config")
}

// addBoth is add for commands that need more of a configuration than the folder.
func (f *dataFlags) addBoth(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "", "the data folder")
	c.Flags().StringVar(&f.config, "config", "", "the configuration file that names the data folder")
}

// folder finds the data folder.
func (f *dataFlags) folder() (string, error) {
	switch {
	case f.data != "":
		return f.data, nil
	case f.config != "":
		return config.Data(f.config, os.Environ())
	case os.Getenv("EVENT_WORKER_DATA") != "":
		return os.Getenv("EVENT_WORKER_DATA"), nil
	case exists(defaultConfig):
		return config.Data(defaultConfig, os.Environ())
	case exists(demoData):
		return demoData, nil
	}
	return "", errors.New("which data? name the folder with --data DIR or a configuration with --config FILE")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// open opens the data folder for reading.
func (f *dataFlags) open() (*embedded.Reader, string, error) {
	folder, err := f.folder()
	if err != nil {
		return nil, "", err
	}
	reader, err := embedded.OpenReader(folder)
	if errors.Is(err, embedded.ErrNoData) {
		err = fmt.Errorf("%w: start run or demo on it first, or name another folder with --data", err)
	}
	return reader, folder, err
}

// collect returns the documents of a query, decoded.
func collect[T any](ctx context.Context, docs documents, query persistence.Query) ([]T, error) {
	var out []T
	for raw, err := range docs.Query(ctx, query) {
		if err != nil {
			return nil, err
		}
		var doc T
		if err := json.Unmarshal(raw, &doc); err != nil {
			return nil, fmt.Errorf("%s: %w", query.Collection, err)
		}
		out = append(out, doc)
	}
	return out, nil
}

// checkOwner refuses data that the demo must not touch, or that only it may:
// recorded blocks and a real chain's disagree, and each would roll the other's back.
func checkOwner(ctx context.Context, docs documents, folder string, demo bool) error {
	leases, err := collect[persistence.Lease](ctx, docs, persistence.Query{Collection: persistence.Leases})
	if err != nil {
		return err
	}
	for _, lease := range leases {
		switch of := lease.Node == config.DemoNode; {
		case of && !demo:
			return fmt.Errorf("data folder %s: it holds the demo's data: choose another folder", folder)
		case !of && demo:
			return fmt.Errorf("data folder %s: it holds the data of %q, not of the demo: choose another folder", folder, lease.Node)
		}
	}
	return nil
}
