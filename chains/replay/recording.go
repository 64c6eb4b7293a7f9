// Package replay serves recorded chains as a real node would: an EVM chain as JSON-RPC,
// Aptos as its REST API and its transaction stream over gRPC. The format of recordings is
// described in testdata/README.md.
//
// What it guarantees:
//   - Recorded blocks and transactions are served byte for byte as they were recorded.
//   - Between and around them the chain is made of empty blocks, whose hashes, times and
//     parents follow from their numbers alone: they are the same in every process.
//   - Blocks above the node's head do not exist yet, and logs are bounded as providers bound
//     them (Limits).
//
// For example, of a recording of blocks 100 and 103 that is followed from 101 on:
//
//	99 ─ 100 ─ 101 ─ 102 ─ 103 ─ 104
//	     rec.                rec.        the others are empty
//	           ▲ the head at first; each Step moves it to the next recorded head
package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// Kinds of chains that can be recorded.
const (
	EVM   = "evm"
	Aptos = "aptos"
)

// ErrRecording is wrapped by the errors of Open that are due to the recording; their text
// names the file and the field.
var ErrRecording = errors.New("bad recording")

// Limits are what a node grants one eth_getLogs, as providers do.
type Limits struct {
	Blocks int64 `json:"blocks"` // the widest range, in blocks
	Logs   int   `json:"logs"`   // the most logs in one answer
	// Refusal is the error for a range that is too wide; the node's own text if empty.
	Refusal string `json:"-"`
}

// Recording is one recorded chain. It is immutable; any number of nodes may serve it.
type Recording struct {
	Kind    string // EVM or Aptos
	ChainID uint64
	Limits  Limits // of nodes that serve it; may be set before they do

	heads  []int64 // the heads in their order; the first is where following starts
	evm    *blockchain
	ledger *ledger
}

// Base is the path at which a node's API begins: /v1 on Aptos.
func (r *Recording) Base() string {
	if r.Kind == Aptos {
		return "/v1"
	}
	return ""
}

// chainFile is chain.json.
type chainFile struct {
	Kind    string `json:"kind"`
	ChainID uint64 `json:"chainId"`
	Follow  struct {
		From   int64 `json:"from"`
		Around int64 `json:"around"`
		Beyond int64 `json:"beyond"`
	} `json:"follow"`
	Limits *Limits `json:"limits"`

	BlockSeconds  int64 `json:"blockSeconds"`
	SafeDepth     int64 `json:"safeDepth"`
	FinalityDepth int64 `json:"finalityDepth"`

	OldestVersion int64            `json:"oldestVersion"`
	Handles       map[string]int64 `json:"handles"`
}

const maxHeight = 1 << 53 // what every JSON reader can hold exactly

// Open reads the recording of one chain: the folder that holds its chain.json.
func Open(fsys fs.FS) (*Recording, error) {
	var file chainFile
	if err := readOwn(fsys, "chain.json", &file); err != nil {
		return nil, err
	}
	if err := file.check(); err != nil {
		return nil, err
	}
	r := &Recording{Kind: file.Kind, ChainID: file.ChainID, Limits: Limits{Blocks: 10_000, Logs: 10_000}}
	if file.Limits != nil {
		r.Limits = *file.Limits
	}
	var recorded []int64
	var err error
	switch file.Kind {
	case EVM:
		r.evm, err = openBlockchain(fsys, file)
		if err == nil {
			recorded = r.evm.numbers()
		}
	case Aptos:
		r.ledger, err = openLedger(fsys, file)
		if err == nil {
			recorded = r.ledger.versions
		}
	}
	if err != nil {
		return nil, err
	}
	r.heads = heads(recorded, file.Follow.From, file.Follow.Around, file.Follow.Beyond)
	return r, nil
}

func (f *chainFile) check() error {
	bad := func(field, want string) error { return invalid("chain.json", field, "%s", want) }
	heights := func(vs ...int64) bool {
		return !slices.ContainsFunc(vs, func(v int64) bool { return v < 0 || v > maxHeight })
	}
	switch {
	case f.Kind != EVM && f.Kind != Aptos:
		return bad("kind", `want "evm" or "aptos"`)
	case f.ChainID == 0:
		return bad("chainId", "want a positive number")
	case !heights(f.Follow.From, f.Follow.Beyond) || f.Follow.Around < 0 || f.Follow.Around > 1000:
		return bad("follow", "want heights, and around up to 1000")
	case f.Limits != nil && (f.Limits.Blocks < 1 || f.Limits.Logs < 1):
		return bad("limits", "want positive numbers")
	case f.Kind == EVM && (f.BlockSeconds < 1 || f.BlockSeconds > 3600):
		return bad("blockSeconds", "want 1 to 3600")
	case f.Kind == EVM && (!heights(f.SafeDepth, f.FinalityDepth) || f.SafeDepth > f.FinalityDepth):
		return bad("finalityDepth", "want at least safeDepth, which must be at least 0")
	case !heights(f.OldestVersion):
		return bad("oldestVersion", "want a ledger version")
	}
	return nil
}

// heads lists the heads of a chain in their order: from, then every height around
// each recorded one, the rest jumped over, and some heights beyond the last.
// Without from the head stands at the end from the start.
func heads(recorded []int64, from, around, beyond int64) []int64 {
	end := recorded[len(recorded)-1] + beyond
	if from == 0 || from >= end {
		return []int64{end}
	}
	out := []int64{from}
	for i, height := range recorded {
		last := height + around
		if i == len(recorded)-1 {
			last = end
		}
		for h := max(height-around, out[len(out)-1]+1); h <= min(last, end); h++ {
			out = append(out, h)
		}
	}
	return out
}

// readOwn reads a file of the recordings' own format. Fields that the format does
// not have are errors, so that a misspelt one is seen.
func readOwn(fsys fs.FS, name string, into any) error {
	data, err := readFile(fsys, name)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrRecording, name, err)
	}
	return nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	return data, nil
}

func invalid(file, field, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s: %s", ErrRecording, file, field, fmt.Sprintf(format, args...))
}

// jsonFiles lists the JSON files of a folder.
func jsonFiles(fsys fs.FS, folder string) ([]string, error) {
	names, err := fs.Glob(fsys, folder+"/*.json")
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	if len(names) == 0 {
		return nil, invalid(folder, "*.json", "nothing recorded")
	}
	return names, nil
}
