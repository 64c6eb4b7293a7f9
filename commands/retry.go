package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/actors/maintenance"
	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/internal/human"
	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
	"github.com/imart/event-worker/persistence"
)

// retryFlags are the flags of retry. Both the folder and the configuration may be named:
// the folder contains the letters, the configuration defines the markets.
type retryFlags struct {
	dataFlags
	market, id string
}

func newRetry() *cobra.Command {
	var f retryFlags
	c := &cobra.Command{
		Use:   "retry",
		Short: "Decode dead letters again",
		Long: `Decode dead letters again after an update of the program: all of them, those of one
market, or one. Events that can now be decoded enter the log, and their orders are
folded again, as if decoding had never failed. The others remain, with the reason
printed. No endpoint is contacted: a currency that no earlier event uses keeps only its
address.

A dead letter beyond its stream's position cannot be retried yet: run the worker
first. With --id the exit code is 1 if the dead letter remains.

` + runningHelp + `

` + dataHelp + `

A running worker uses its own configuration. If none runs, the markets are those of the
configuration in --config, or else event-worker.yaml; --config may be combined with
--data. The demo's data need no configuration.`,
		Example: `  event-worker query dead_letters
  event-worker retry --config event-worker.yaml
  event-worker retry --market ethereum/seaport --data event-worker-demo
  event-worker retry --id ethereum/seaport/buy/17000000.42.311/0x96cfa0fb5e50b0a3`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			condition, err := f.condition()
			if err == nil {
				direct := func(store persistence.Store, o owners) error {
					if chain, _, named := strings.Cut(f.market, "/"); named {
						if _, err := o.of(chain); err != nil {
							return err
						}
					}
					r := retrier{store: store, owners: o, configured: sync.OnceValues(f.configured)}
					return r.run(c.Context(), c.OutOrStdout(), condition, f.id != "")
				}
				err = f.change(c.Context(), c.OutOrStdout(), direct, f.requests, func(ended persistence.Request) error {
					return tellRetried(c.OutOrStdout(), ended)
				})
			}
			return cli.Named(c, err)
		},
	}
	f.addBoth(c)
	c.Flags().StringVar(&f.market, "market", "", "only the dead letters of this market: chain/market")
	c.Flags().StringVar(&f.id, "id", "", "only the dead letter with this _id")
	c.MarkFlagsMutuallyExclusive("market", "id")
	return c
}

// condition matches the dead letters to retry.
func (f retryFlags) condition() (persistence.Condition, error) {
	if f.id != "" {
		return persistence.Equals("_id", f.id), nil
	}
	if f.market == "" {
		return persistence.And{}, nil
	}
	chain, market, ok := strings.Cut(f.market, "/")
	if !ok {
		return nil, fmt.Errorf("--market %q: must be chain/market, such as ethereum/seaport", f.market)
	}
	if err := f.known(chain, market); err != nil {
		return nil, fmt.Errorf("--market %q: %w", f.market, err)
	}
	return persistence.MarketRef{Chain: chain, Market: market}.Documents(), nil
}

// known checks that a market is built in or configured.
func (f retryFlags) known(chain, market string) error {
	_, err := catalogue.BuiltIn(market)
	if err == nil {
		return nil
	}
	configured, failed := f.configured()
	if failed == nil && slices.ContainsFunc(configured[chain], func(m markets.Market) bool { return m.Name == market }) {
		return nil
	}
	return err
}

// configured reads the markets of the configuration, by chain.
func (f retryFlags) configured() (map[string][]markets.Market, error) {
	file := cmp.Or(f.config, defaultConfig)
	if f.config == "" && !cli.Exists(file) {
		return nil, errors.New("no configuration with the chain's markets: name one with --config FILE")
	}
	return config.Markets(file, os.Environ())
}

// retrier retries dead letters and prints the results.
type retrier struct {
	store      persistence.Store
	owners     owners
	configured func() (map[string][]markets.Market, error)
}

// run retries the dead letters that match. If one is selected by id, it is an error if it
// does not exist or remains.
func (r retrier) run(ctx context.Context, out io.Writer, condition persistence.Condition, one bool) error {
	var all, decoded int64
	for raw, err := range r.store.Query(ctx, persistence.Query{Collection: persistence.DeadLetters, Filter: persistence.Filter{Condition: condition}}) {
		if err != nil {
			return err
		}
		var letter markets.DeadLetter
		if err := json.Unmarshal(raw, &letter); err != nil {
			return fmt.Errorf("%s: %w", persistence.DeadLetters, err)
		}
		market, err := r.marketOf(letter)
		if err != nil {
			return err
		}
		all++
		switch err := r.retry(ctx, letter, market); {
		case err == nil:
			decoded++
		case !one && (errors.Is(err, maintenance.ErrUndecodable) || errors.Is(err, maintenance.ErrNotYet) || errors.Is(err, maintenance.ErrAnnounces)):
			fmt.Fprintln(out, cli.OneLine(err))
		default:
			return err
		}
	}
	text := fmt.Sprintf("Decoded %s of %s: their events are now in the log and in the orders.\n", human.Grouped(decoded), human.Some(all, "dead letter"))
	switch {
	case all == 0 && one:
		return errors.New("no dead letter has that id: query dead_letters lists them")
	case all == 0:
		text = "There are no dead letters to retry.\n"
	case decoded == 0:
		text = fmt.Sprintf("Decoded none of %s.\n", human.Some(all, "dead letter"))
	}
	_, err := io.WriteString(out, text)
	return cli.UnlessClosed(err)
}

// marketOf returns the market of a letter. The demo's chains need no configuration.
func (r retrier) marketOf(letter markets.DeadLetter) (markets.Market, error) {
	if r.owners[letter.Chain] == config.DemoNode {
		return catalogue.Market(letter.Market, definition.Site{ChainID: 1})
	}
	configured, err := r.configured()
	if err != nil {
		return markets.Market{}, err
	}
	for _, m := range configured[letter.Chain] {
		if m.Name == letter.Market {
			return m, nil
		}
	}
	return markets.Market{}, fmt.Errorf("the configuration has no market %s on chain %q: name another configuration with --config FILE", letter.Market, letter.Chain)
}

// retry retries one dead letter.
func (r retrier) retry(ctx context.Context, letter markets.DeadLetter, market markets.Market) error {
	stream, err := streamOf(letter, market)
	if err != nil {
		return fmt.Errorf("dead letter %s %w: %w", letter.ID(), maintenance.ErrUndecodable, err)
	}
	err = maintenance.Retry(ctx, r.store, r.owners[letter.Chain], market.Kind, stream, letter)
	if errors.Is(err, maintenance.ErrNotYet) {
		return fmt.Errorf("%w: run the worker first", err)
	}
	return err
}

// streamOf returns the definition of a letter's stream.
func streamOf(letter markets.DeadLetter, market markets.Market) (markets.Stream, error) {
	for _, s := range market.Streams {
		if s.Name == letter.Stream {
			return s, nil
		}
	}
	return markets.Stream{}, fmt.Errorf("%s has no stream %q in this version", letter.Market, letter.Stream)
}

// requests returns the requests to a running worker, one for each chain.
func (f retryFlags) requests(o owners) ([]persistence.Request, error) {
	r := persistence.Request{Kind: persistence.RetryRequest, DeadLetter: f.id}
	switch {
	case f.id != "":
		r.Chain, _, _ = strings.Cut(f.id, "/")
		return only(r)(o)
	case f.market != "":
		r.Chain, r.Market, _ = strings.Cut(f.market, "/")
		return only(r)(o)
	}
	var all []persistence.Request
	for _, chain := range slices.Sorted(maps.Keys(o)) {
		r.Chain = chain
		all = append(all, r)
	}
	return all, nil
}

// tellRetried prints the result of a request. If it was for one dead letter, it is an error
// if that remains.
func tellRetried(out io.Writer, r persistence.Request) error {
	if r.DeadLetter != "" && r.Answer.Remaining > 0 {
		return errors.New(strings.Join(r.Answer.Notes, "; "))
	}
	for _, note := range r.Answer.Notes {
		fmt.Fprintln(out, note)
	}
	_, err := fmt.Fprintf(out, "%s: decoded %s of %s.\n", r.Subject(), human.Grouped(r.Answer.Decoded), human.Some(r.Answer.Decoded+r.Answer.Remaining, "dead letter"))
	return cli.UnlessClosed(err)
}
