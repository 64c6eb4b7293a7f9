package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/markets/seaport/signature"
	"github.com/imart/event-worker/persistence"
)

func newOrders() *cobra.Command {
	c := &cobra.Command{
		Use:     "orders",
		Short:   "Submit orders that were signed off chain",
		Long:    "Submit orders that were signed off chain. The chain does not show them before they are\nfilled.",
		Example: "  event-worker orders import orders.jsonl --chain ethereum --market seaport",
		Args:    cli.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newOrdersImport())
	return c
}

type importFlags struct {
	dataFlags
	chain, market, contract string
}

func newOrdersImport() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import <file>",
		Short: "Submit signed Seaport orders, one JSON object per line",
		Long: `Submit Seaport orders that were signed off chain, from a file with one order per line,
or from standard input with "-". An order has the form that seaport-js returns:

  {"parameters": {"offerer": "0x…", …, "counter": "0"}, "signature": "0x…"}

with "chain", "market" and "contract" (Seaport's address) if they differ from those of
the flags. Integers are JSON integers or strings.

The form of each line is checked, and the order's hash is computed. Refused lines are
reported as file:line: field: reason, and the exit code is then 1; the others are
inserted into the collection signed_orders. An order is inserted once, however often it
is submitted. The worker then checks the signature, the counter and the times, and
writes the outcome into the document:

  event-worker query signed_orders '{state: "rejected"}'

With MongoDB it works while a cluster runs. A data folder has one writer: stop the
worker first.

` + dataHelp,
		Example: `  event-worker orders import orders.jsonl --chain ethereum --market seaport
  export-orders | event-worker orders import - --chain ethereum --market seaport \
    --contract 0x0000000000000068F116a894984e2DB1123eB395`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("orders import: name one file, or - for standard input")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return cli.Named(c, f.run(c, args[0]))
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.chain, "chain", "", "the chain of orders that name none")
	c.Flags().StringVar(&f.market, "market", "", "the market of orders that name none")
	c.Flags().StringVar(&f.contract, "contract", "", "the Seaport contract of orders that name none")
	return c
}

func (f *importFlags) run(c *cobra.Command, name string) (err error) {
	if f.contract != "" {
		if f.contract, err = signature.ParseAddress(f.contract); err != nil {
			return fmt.Errorf("--contract: %w", err)
		}
	}
	in := c.InOrStdin()
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	store, _, err := f.openWriter(c.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	orders, ok := store.(persistence.SignedOrderStore)
	if !ok {
		return fmt.Errorf("%T keeps no signed orders", store)
	}
	known, err := marketsOf(c.Context(), store)
	if err != nil {
		return err
	}
	i := importer{flags: f, store: orders, markets: known, name: name, problems: c.ErrOrStderr()}
	if err := i.readAll(c.Context(), in); err != nil {
		return errors.Join(err, i.summarize(c.OutOrStdout()))
	}
	if err := i.summarize(c.OutOrStdout()); err != nil {
		return cli.UnlessClosed(err)
	}
	if i.refused > 0 {
		return fmt.Errorf("%s refused, see above", human.Some(i.refused, "line"))
	}
	return nil
}

// marketsOf returns the markets that the data contain.
func marketsOf(ctx context.Context, docs persistence.Querier) (map[persistence.MarketRef]bool, error) {
	actors, err := persistence.Collect[persistence.Actor](ctx, docs, persistence.Query{Collection: persistence.Actors})
	if err != nil {
		return nil, err
	}
	found := map[persistence.MarketRef]bool{}
	for _, a := range actors {
		if a.Market != "" {
			found[persistence.MarketRef{Chain: a.Chain, Market: a.Market}] = true
		}
	}
	return found, nil
}

// The limits of an import.
const (
	importBatch   = 200 // orders inserted at a time
	shownProblems = 100
)

// importer inserts the orders of a file, and reports the lines without a valid order.
type importer struct {
	flags    *importFlags
	store    persistence.SignedOrderStore
	markets  map[persistence.MarketRef]bool
	name     string
	problems io.Writer

	batch                    []persistence.SignedOrder
	inserted, known, refused int64
}

func (i *importer) readAll(ctx context.Context, in io.Reader) error {
	for n, line := range cli.Lines(in, signature.MaxText) {
		if line.Err != nil {
			return line.Err
		}
		if len(strings.TrimSpace(string(line.Text))) == 0 {
			continue
		}
		order, err := i.read(line.Text)
		if err != nil {
			i.refuse(n, err)
			continue
		}
		if i.batch = append(i.batch, order); len(i.batch) == importBatch {
			if err := i.flush(ctx); err != nil {
				return err
			}
		}
	}
	return i.flush(ctx)
}

// read reads the order of one line.
func (i *importer) read(text []byte) (persistence.SignedOrder, error) {
	order, err := signature.Parse(text)
	if err != nil {
		return persistence.SignedOrder{}, err
	}
	signed := persistence.SignedOrder{
		Chain: cmp.Or(order.Chain, i.flags.chain), Market: cmp.Or(order.Market, i.flags.market), Contract: cmp.Or(order.Contract, i.flags.contract),
		Signature: hexutil.Encode(order.Signature), Hash: order.Hash().Hex(),
	}
	switch {
	case signed.Chain == "":
		return signed, &signature.Problem{Field: "chain", Reason: "it is missing: add it to the line, or name it with --chain"}
	case signed.Market == "":
		return signed, &signature.Problem{Field: "market", Reason: "it is missing: add it to the line, or name it with --market"}
	case !i.markets[persistence.MarketRef{Chain: signed.Chain, Market: signed.Market}]:
		return signed, &signature.Problem{Field: "market", Reason: fmt.Sprintf("the worker does not follow %.60q on %.60q: configure it, and run the worker", signed.Market, signed.Chain)}
	}
	signed.Parameters, err = json.Marshal(order.Parameters)
	return signed, err
}

func (i *importer) refuse(line int, err error) {
	if i.refused++; i.refused <= shownProblems {
		fmt.Fprintf(i.problems, "%s:%d: %s\n", i.name, line, cli.OneLine(err))
	}
}

func (i *importer) flush(ctx context.Context) error {
	n, err := i.store.InsertSigned(ctx, i.batch)
	i.inserted += int64(n)
	if err != nil {
		return err
	}
	i.known += int64(len(i.batch) - n)
	i.batch = i.batch[:0]
	return nil
}

func (i *importer) summarize(out io.Writer) error {
	if more := i.refused - shownProblems; more > 0 {
		fmt.Fprintf(i.problems, "and %s more\n", human.Some(more, "line"))
	}
	_, err := fmt.Fprintf(out, "Signed orders: %s inserted, %s already known, %s refused.\n", human.Grouped(i.inserted), human.Grouped(i.known), human.Grouped(i.refused))
	return err
}
