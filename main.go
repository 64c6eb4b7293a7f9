// The event worker follows NFT markets on EVM chains and Aptos and keeps every
// order's state and the feed of activities in a store. See README.md.
package main

import (
	"embed"
	"os"

	"github.com/imart/event-worker/commands"
	"github.com/imart/event-worker/internal/interrupt"
)

//go:embed testdata/recordings
var recordings embed.FS

//go:embed event-worker.example.yaml
var example []byte

func main() {
	assets := commands.Assets{Recordings: recordings, RecordingsIn: "testdata/recordings", Example: example}
	os.Exit(commands.Main(interrupt.Context(), assets))
}
