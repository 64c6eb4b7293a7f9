package markets

import (
	"context"
	"encoding/json"
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
	"github.com/imart/event-worker/internal/printable"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// trial is what markets test was asked for.
type trial struct {
	recording, hash, endpoint, chain string
}

func newMarketsTest() *cobra.Command {
	var t trial
	c := &cobra.Command{
		Use:   "test FILE|NAME",
		Short: "Show what a transaction's events become, or why they are ignored",
		Long: `Read the events of a transaction, and show what a market definition makes of each:
market events, and the resulting orders and records; or why it is ignored. The
transaction comes from a file (--recording: the answer of eth_getTransactionReceipt, of
Aptos' /v1/transactions/by_version, a recorded block) or from a node (--tx with
--endpoint). If a file has several transactions, all are shown, or the one of --tx.`,
		Example: `  event-worker markets test my-market.yaml --recording receipt.json
  event-worker markets test seaport --tx 0x… --endpoint https://eth.example.com/v2/${KEY}
  event-worker markets test tradeport --tx 2386455218 --endpoint https://api.mainnet.aptoslabs.com/v1`,
		Args: cli.One("a definition's file, or the name of a market"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := definitionOf(args[0])
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
	return c
}

// definitionOf is the definition in a file, or that of a market that the program knows.
func definitionOf(name string) (*definition.Definition, error) {
	d, err := catalogue.Find(catalogue.All(), name)
	if err == nil {
		return d, nil
	}
	if cli.Exists(name) || strings.ContainsAny(name, "./") {
		d, err = catalogue.Read(name)
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
	for _, tx := range found {
		if tx.Kind != d.Kind {
			return fmt.Errorf("transaction %s is from an %s chain, but market %s is for %s chains", tx.Hash, tx.Kind, d.Market, d.Kind)
		}
		if err := explainTo(out, d, site, tx); err != nil {
			return err
		}
	}
	return nil
}

// maxRecording bounds a recording, in bytes.
const maxRecording = 64 << 20

// transactions are those that were asked for, and the site as far as a node tells it.
func (t trial) transactions(ctx context.Context, d *definition.Definition) ([]transactions.Transaction, definition.Site, error) {
	var site definition.Site
	switch {
	case t.endpoint != "" && t.recording == "" && t.hash != "":
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

// chainID is the id of the chain that was named, or of the only one that there is.
func (t trial) chainID(d *definition.Definition) (uint64, error) {
	for _, c := range d.Chains {
		if c.Name == t.chain || t.chain == "" && len(d.Chains) == 1 {
			return c.ID, nil
		}
	}
	return 0, fmt.Errorf("market %s is on several chains: choose one with --chain: %s", d.Market, homes(d))
}

// explainTo prints what a definition makes of a transaction.
func explainTo(out io.Writer, d *definition.Definition, site definition.Site, tx transactions.Transaction) error {
	p := &printer{out: out}
	p.line("transaction %s: %s", tx.Hash, cli.Some(int64(len(tx.Raws)), "event"))
	var events []markets.Event
	for i, raw := range tx.Raws {
		verdicts, err := d.Explain(site, tx.Raws, i)
		if err != nil {
			return err
		}
		if len(verdicts) == 0 {
			p.line("  event %d, %s: nothing, no stream of %s reads it", raw.Position.Log, describeRaw(raw), d.Market)
			continue
		}
		p.line("  event %d, %s", raw.Position.Log, describeRaw(raw))
		for _, v := range verdicts {
			p.verdict(v)
			events = append(events, v.Events...)
		}
	}
	p.documents(d, chainName(d, site), events)
	return cli.UnlessClosed(p.err)
}

// chainName is the name of a site's chain.
func chainName(d *definition.Definition, site definition.Site) string {
	for _, c := range d.Chains {
		if c.ID == site.ChainID {
			return c.Name
		}
	}
	return "chain"
}

// describeRaw is what a raw event is, without its data.
func describeRaw(raw markets.Raw) string {
	if raw.Type != "" {
		return "type " + leadingZeros.ReplaceAllString(raw.Type, "0x")
	}
	if len(raw.Topics) == 0 {
		return fmt.Sprintf("of contract 0x%x, without topics", raw.Address)
	}
	return fmt.Sprintf("of contract 0x%x, topic 0x%x", raw.Address, raw.Topics[0])
}

// leadingZeros are those of addresses.
var leadingZeros = regexp.MustCompile(`\b0x0+\B`)

// printer prints lines and keeps the first error.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}

func (p *printer) json(indent string, value any) {
	text, err := json.MarshalIndent(value, indent, "  ")
	if err != nil {
		p.err = errors.Join(p.err, err)
		return
	}
	p.line("%s%s", indent, printable.JSON(text))
}

func (p *printer) verdict(v definition.Verdict) {
	p.line("    stream %s, %s (line %d)", v.Stream, v.Event, v.Line)
	if v.Given != "" {
		p.line("      provided that %s", v.Given)
	}
	if v.Reason != "" {
		p.line("      nothing: %s", printable.Text(v.Reason))
	}
	for _, e := range v.Events {
		p.json("      ", e)
	}
}

// documents prints the orders and records that events make, taken alone.
func (p *printer) documents(d *definition.Definition, chain string, events []markets.Event) {
	slices.SortStableFunc(events, func(a, b markets.Event) int { return a.Position.Compare(b.Position) })
	var keys []string
	byKey := map[string][]markets.Event{}
	for _, e := range events {
		if e.Order == "" && e.Record == nil {
			continue
		}
		if byKey[e.Key()] == nil {
			keys = append(keys, e.Key())
		}
		byKey[e.Key()] = append(byKey[e.Key()], e)
	}
	if len(keys) > 0 {
		p.line("")
		p.line("  result of these events alone")
	}
	for _, key := range keys {
		if byKey[key][0].Order != "" {
			order, _ := markets.FoldOrder(chain, d.Market, key, byKey[key])
			p.json("    ", order)
		} else {
			record, _ := markets.FoldRecord(chain, d.Market, byKey[key])
			p.json("    ", record)
		}
	}
}
