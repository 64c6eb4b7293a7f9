package commands

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
	"github.com/imart/event-worker/persistence/finality"
)

func newQuery() *cobra.Command {
	var flags dataFlags
	var sort string
	var limit int
	c := &cobra.Command{
		Use:   "query <collection> [filter]",
		Short: "Print the documents that match a filter, as JSON lines",
		Long: `Print the documents of a collection that match a filter in MongoDB's syntax, one
JSON document a line. It works while another process writes to the same data.

Collections and their fields, {…} being a document, […] a list and (…) all values;
"event-worker schema json" says what each of them means:

` + documents.Help(documents.Collections()) + `
Filters: {field: value}, {field: {$gt: …}} with $eq $ne $gt $gte $lt $lte $in $nin
$exists $not, and $and $or $nor; fields inside of others have dotted paths. Names
need no quotes. Amounts such as the price are whole numbers of the currency's
smallest unit; times are written like "2023-04-08T00:00:00Z". Addresses and hashes may
be written in any case, and those of Aptos without leading zeros. A field that no
document can have is an error, and so is a word that the field never contains.

Orders and activities have one more field, final: whether no reorganisation can change
them any longer. It is not stored but derived from the progress of the actors; filters
may use it: {final: true}. On Aptos everything is final.

` + dataHelp,
		Example: `  event-worker query orders '{status: "SOLD"}' --sort -price --limit 3
  event-worker query activities '{kind: {$in: ["bought", "offer_accepted"]}, chain: "ethereum"}' --sort -time
  event-worker query orders '{status: "LISTING", "token.collection": "0x…", price: {$lte: "1500000000000000000"}}'
  event-worker query orders '{chain: "ethereum", status: "SOLD", final: true}'
  event-worker query actors '{lag: {$gt: 0}}'`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return fmt.Errorf("query: name a collection: %s", collections())
			case !slices.Contains(persistence.Collections, args[0]):
				return fmt.Errorf("query: unknown collection %q%s: the collections are %s", args[0], spelling.DidYouMean(args[0], persistence.Collections), collections())
			case len(args) > 2:
				return fmt.Errorf("query: unexpected %q after the filter: put the filter into single quotes", args[2])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			q := persistence.Query{Collection: args[0], Limit: limit}
			var err error
			if len(args) == 2 {
				if q.Filter, err = documents.ParseFilter(q.Collection, args[1]); err != nil {
					return fmt.Errorf("query: %w", err)
				}
			}
			if q.Sort, err = documents.ParseSort(q.Collection, sort); err != nil {
				return fmt.Errorf("query: %w", err)
			}
			if limit < 0 {
				return fmt.Errorf("query: limit %d: must be a positive number, or 0 for all", limit)
			}
			return query(c, &flags, q)
		},
	}
	flags.add(c)
	c.Flags().StringVar(&sort, "sort", "", "fields to sort by, in descending order with a leading '-': -time,price")
	c.Flags().IntVar(&limit, "limit", 0, "how many documents to print at most; 0 means all")
	return c
}

func collections() string { return strings.Join(persistence.Collections, ", ") }

func query(c *cobra.Command, flags *dataFlags, q persistence.Query) error {
	reader, at, err := flags.open(c.Context())
	if err != nil {
		return err
	}
	defer reader.Close()
	marked := func(doc json.RawMessage) (json.RawMessage, error) { return doc, nil }
	if finality.Of(q.Collection) {
		horizon, err := finality.Read(c.Context(), reader, q.Collection)
		if err != nil {
			return fmt.Errorf("query %s: %w", q.Collection, err)
		}
		if q.Filter, err = horizon.Filter(q.Filter); err != nil {
			return fmt.Errorf("query: %w", err)
		}
		marked = horizon.Mark
	}
	out := bufio.NewWriter(c.OutOrStdout())
	found := false
	for doc, failed := range reader.Query(c.Context(), q) {
		if failed == nil {
			doc, failed = marked(doc)
		}
		if failed != nil {
			err = fmt.Errorf("query %s: %w", q.Collection, failed)
			break
		}
		if _, err := fmt.Fprintf(out, "%s\n", doc); err != nil {
			return cli.UnlessClosed(err)
		}
		found = true
	}
	if !found && err == nil {
		fmt.Fprintf(c.ErrOrStderr(), "no document of %s matches in %s\n", q.Collection, at)
	}
	return errors.Join(err, cli.UnlessClosed(out.Flush())) // also after an error: whole documents
}
