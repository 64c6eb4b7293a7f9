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

// retryFlags are those of retry. Unlike elsewhere both the folder and the
// configuration may be named: the one has the letters, the other says what the
// chains' coins are.
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
printed. No chain is asked: a currency that no event before has named keeps only its
address.

A dead letter that its stream has not passed yet cannot be retried: run the worker
first. With --id the exit code is 1 if the dead letter remains.

` + runningHelp + `

` + dataHelp + `

A worker that runs decodes as it is configured. If none runs, a chain's native coin is
that of the configuration in --config, or else event-worker.yaml. --config together
with --data names it for another data folder. The demo's data need none.`,
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
		return nil, fmt.Errorf("--market %q: write chain/market, such as ethereum/seaport", f.market)
	}
	if err := f.known(chain, market); err != nil {
		return nil, fmt.Errorf("--market %q: %w", f.market, err)
	}
	return persistence.MarketRef{Chain: chain, Market: market}.Documents(), nil
}

// known says whether a market is one that the program carries or the configuration has.
func (f retryFlags) known(chain, market string) error {
	_, err := catalogue.Find(catalogue.All(), market)
	if err == nil {
		return nil
	}
	configured, failed := f.configured()
	if failed == nil && slices.ContainsFunc(configured[chain], func(m markets.Market) bool { return m.Name == market }) {
		return nil
	}
	return err
}

// configured are the markets of the configuration, by chain.
func (f retryFlags) configured() (map[string][]markets.Market, error) {
	file := cmp.Or(f.config, defaultConfig)
	if f.config == "" && !cli.Exists(file) {
		return nil, errors.New("no configuration, which defines the chain's markets: name it with --config FILE")
	}
	return config.Markets(file, os.Environ())
}

// retrier retries dead letters and tells what became of them.
type retrier struct {
	store      persistence.Store
	owners     owners
	configured func() (map[string][]markets.Market, error)
}

// run retries the dead letters that match. If one is asked for, it is an error
// that it is not there, or that it remains.
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

// marketOf is the market that a letter is of. The demo's chains have no configuration
// and need none.
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
	return markets.Market{}, fmt.Errorf("the configuration has no market %s on chain %q: name the configuration that has it with --config FILE", letter.Market, letter.Chain)
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

// streamOf is the definition of the stream that a letter is of.
func streamOf(letter markets.DeadLetter, market markets.Market) (markets.Stream, error) {
	for _, s := range market.Streams {
		if s.Name == letter.Stream {
			return s, nil
		}
	}
	return markets.Stream{}, fmt.Errorf("%s has no stream %q in this version", letter.Market, letter.Stream)
}

// requests are those that ask a running worker for the same: one for each chain.
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

// tellRetried says what came of a request. If it was for one dead letter, it is an error that
// this remains.
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
