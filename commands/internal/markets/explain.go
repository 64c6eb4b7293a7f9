package markets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/chains/transactions"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/internal/waiting"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// trial contains the flags of markets test.
type trial struct {
	recording, hash, endpoint, chain, config string
}

func newMarketsTest() *cobra.Command {
	var t trial
	c := &cobra.Command{
		Use:   "test FILE|NAME",
		Short: "Show what a transaction's events become, or why they are ignored",
		Long: `Read the events of a transaction, and show what a market definition makes of each:
market events, and the resulting orders and records; or why it is ignored. The
transaction comes from a file (--recording: a response of eth_getTransactionReceipt or
of Aptos' /v1/transactions/by_version, or a recorded block) or from a node (--tx with
--endpoint). If a file has several transactions, all are shown, or the one of --tx. The
exit code is 1 if any event cannot be decoded.`,
		Example: `  event-worker markets test my-market.yaml --recording receipt.json
  event-worker markets test seaport --tx 0x… --endpoint https://eth.example.com/v2/${KEY}
  event-worker markets test tradeport --tx 2386455218 --endpoint https://api.mainnet.aptoslabs.com/v1`,
		Args: cli.One("a definition's file, or the name of a market"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := definitionOf(t.config, args[0])
			if err != nil {
				return err
			}
			return t.run(c.Context(), c.OutOrStdout(), d)
		},
	}
	c.Flags().StringVar(&t.recording, "recording", "", "a file with the transaction, as a node answered it")
	c.Flags().StringVar(&t.hash, "tx", "", "the transaction's hash (on Aptos also its version)")
	c.Flags().StringVar(&t.endpoint, "endpoint", "", "the URL of a node to ask for it; only its host is ever shown")
	c.Flags().StringVar(&t.chain, "chain", "", "which of the definition's chains, if it has several")
	addConfig(c, &t.config)
	return c
}

// definitionOf returns the definition in a file, or that of a known market.
func definitionOf(config, name string) (*definition.Definition, error) {
	if strings.ContainsAny(name, "./") {
		return catalogue.Read(name)
	}
	d, err := find(config, name)
	if errors.Is(err, catalogue.ErrUnknown) && cli.Exists(name) {
		return catalogue.Read(name)
	}
	return d, err
}

func (t trial) run(ctx context.Context, out io.Writer, d *definition.Definition) error {
	found, site, err := t.transactions(ctx, d)
	if err != nil {
		return err
	}
	if t.chain != "" || site.ChainID == 0 {
		if site.ChainID, err = t.chainID(d); err != nil {
			return err
		}
	}
	e := explanation{printer: printer{out: out}, definition: d, site: site, names: eventNames(d)}
	for _, tx := range found {
		if tx.Kind != d.Kind {
			return fmt.Errorf("transaction %s is from an %s chain, but market %s is for %s chains", tx.Hash, tx.Kind, d.Market, d.Kind)
		}
		if err := e.add(tx); err != nil {
			return err
		}
	}
	return e.end()
}

// maxRecording bounds a recording, in bytes.
const maxRecording = 64 << 20

// transactions returns the requested transactions, and the site as far as a node reveals
// it.
func (t trial) transactions(ctx context.Context, d *definition.Definition) ([]transactions.Transaction, definition.Site, error) {
	var site definition.Site
	switch {
	case t.endpoint != "" && t.recording == "" && t.hash != "":
		defer waiting.Say(cli.Waits(cli.Guard(os.Stderr), "the endpoint"))()
		tx, id, err := transactions.Fetch(ctx, d.Kind, os.ExpandEnv(t.endpoint), t.hash)
		site.ChainID = id
		return []transactions.Transaction{tx}, site, err
	case t.recording == "" || t.endpoint != "":
		return nil, site, errors.New("no transaction given: use --recording FILE, or --tx HASH with --endpoint URL")
	}
	f, err := os.Open(t.recording)
	if err != nil {
		return nil, site, fmt.Errorf("recording: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecording+1))
	if err != nil {
		return nil, site, fmt.Errorf("recording: %w", err)
	}
	if len(text) > maxRecording {
		return nil, site, fmt.Errorf("recording %s is larger than %d bytes", t.recording, maxRecording)
	}
	found, err := transactions.Parse(text)
	if err != nil {
		return nil, site, fmt.Errorf("%s: %w", t.recording, err)
	}
	if t.hash != "" {
		found = slices.DeleteFunc(found, func(tx transactions.Transaction) bool { return !strings.EqualFold(tx.Hash, t.hash) })
		if len(found) == 0 {
			return nil, site, fmt.Errorf("%s has no transaction %s", t.recording, t.hash)
		}
	}
	return found, site, nil
}

// chainID returns the id of the named chain, or of the only one.
func (t trial) chainID(d *definition.Definition) (uint64, error) {
	for _, c := range d.Chains {
		if c.Name == t.chain || t.chain == "" && len(d.Chains) == 1 {
			return c.ID, nil
		}
	}
	return 0, fmt.Errorf("market %s is on several chains: choose one with --chain: %s", d.Market, homes(d))
}

// explanation prints what a definition makes of transactions.
type explanation struct {
	printer
	definition *definition.Definition
	site       definition.Site
	names      map[[32]byte]string // of events
	events     []markets.Event
	failed     int64
}

// add prints what the definition makes of a transaction.
func (e *explanation) add(tx transactions.Transaction) error {
	e.line("transaction %s%s: %s", tx.Hash, when(tx), human.Some(int64(len(tx.Raws)), "event"))
	for i, raw := range tx.Raws {
		verdicts, err := e.definition.Explain(e.site, tx.Raws, i)
		if err != nil {
			return err
		}
		if len(verdicts) == 0 {
			e.line("  event %d, %s: nothing, no stream of %s reads it", raw.Position.Log, e.describe(raw), e.definition.Market)
			continue
		}
		e.line("  event %d, %s", raw.Position.Log, e.describe(raw))
		failed := false
		for _, v := range verdicts {
			e.verdict(v)
			e.events = append(e.events, v.Events...)
			failed = failed || v.Failed
		}
		if failed {
			e.failed++
		}
	}
	return nil
}

// end prints the documents that result from all events. It is an error if any event could
// not be decoded.
func (e *explanation) end() error {
	e.documents(e.definition, chainName(e.definition, e.site), e.events)
	if err := cli.UnlessClosed(e.err); err != nil || e.failed == 0 {
		return err
	}
	return fmt.Errorf("%s cannot be decoded, see above", human.Some(e.failed, "event"))
}

// when returns the block and the time of a transaction, as far as they are known.
func when(tx transactions.Transaction) string {
	if len(tx.Raws) == 0 {
		return ""
	}
	first, height := tx.Raws[0], "block"
	if tx.Kind == markets.Aptos {
		height = "version"
	}
	at := "at a time that its answer does not say"
	if !first.Time.IsZero() && first.Time.Unix() > 0 {
		at = first.Time.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return fmt.Sprintf(", %s %d, %s", height, first.Position.Height, at)
}

// chainName returns the name of a site's chain.
func chainName(d *definition.Definition, site definition.Site) string {
	for _, c := range d.Chains {
		if c.ID == site.ChainID {
			return c.Name
		}
	}
	return "chain"
}

// describe describes a raw event without its data.
func (e *explanation) describe(raw markets.Raw) string {
	if raw.Type != "" {
		return "type " + leadingZeros.ReplaceAllString(raw.Type, "0x")
	}
	if len(raw.Topics) == 0 {
		return fmt.Sprintf("of contract 0x%x, without topics", raw.Address)
	}
	if name, ok := e.names[raw.Topics[0]]; ok {
		return fmt.Sprintf("%s of contract 0x%x", name, raw.Address)
	}
	return fmt.Sprintf("of contract 0x%x, topic 0x%x", raw.Address, raw.Topics[0])
}

// leadingZeros matches the leading zeros of addresses.
var leadingZeros = regexp.MustCompile(`\b0x0+\B`)
