package aptos

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/imart/event-worker/chains"
	"github.com/imart/event-worker/chains/internal/endpoint"
	"github.com/imart/event-worker/markets"
)

const (
	pageSize  = 100 // transactions; the most that nodes give
	pagesRead = 16  // of one Read
	pagesKept = 64  // for the other streams; a busy page takes some megabytes
)

// ledgerPage is the wanted events of the transactions of one page of the ledger, or of a part
// of it.
type ledgerPage struct {
	first, last  int64
	raws         []markets.Raw
	handleEvents []handleEvent // of handles
	fromStream   bool          // else there are no handleEvents
}

// holds says whether the page has the versions from first to last.
func (p *ledgerPage) holds(first, last int64) bool { return p.first <= first && p.last >= last }

// size is about how many bytes the page takes.
func (p *ledgerPage) size() int64 {
	const each = 512
	size := int64(each)
	var last *markets.AptosTransaction
	for _, raw := range p.raws {
		size += int64(each + len(raw.JSON))
		if raw.Ledger != last {
			last = raw.Ledger
			size += ledgerSize(last)
		}
	}
	for _, h := range p.handleEvents {
		size += int64(each+len(h.Data)) + h.transaction.size()
	}
	return size
}

// readTypes reads module events by their types. The ledger has no index of them: all
// transactions are read in pages, which all streams share.
func (c *Chain) readTypes(ctx context.Context, view *chains.View, source markets.Source, after markets.Place, through int64, limit int) (chains.Page, error) {
	if i := slices.IndexFunc(source.Types, func(name string) bool { return !c.wanted[name] }); i >= 0 {
		return chains.Page{}, fmt.Errorf("events of type %s are not among the configured sources", source.Types[i])
	}
	last := view.Head.Seq
	if through >= 0 {
		last = min(last, through)
	}
	if after.Seq >= last {
		if after.Seq > view.Head.Seq {
			return chains.Page{}, c.node.Errorf("%w: ledger at version %d, stream at %d", chains.ErrAhead, view.Head.Seq, after.Seq)
		}
		return chains.Page{To: after}, nil
	}
	pages, err := c.ledgerPages(ctx, after.Seq+1, last)
	if err != nil {
		return chains.Page{}, err
	}
	to := after.Seq
	var raws []markets.Raw
	for _, p := range pages {
		for _, raw := range p.raws {
			switch version := raw.Position.Height; {
			case version <= after.Seq || version > last || !source.Matches(&raw):
			case len(raws) >= max(limit, 1) && version > raws[len(raws)-1].Position.Height:
				return chains.Page{To: at(version - 1), Raws: raws}, nil
			default:
				raws = append(raws, raw)
			}
		}
		to = min(p.last, last)
	}
	return chains.Page{To: at(to), Raws: raws}, nil
}

// at is the place of a stream that has read all transactions up to a version.
func at(version int64) markets.Place { return markets.Place{Seq: version, Through: version} }

// ledgerPages returns consecutive pages from the version first on, up to last at most: from
// the stream, or by the REST API.
func (c *Chain) ledgerPages(ctx context.Context, first, last int64) ([]*ledgerPage, error) {
	if c.stream.usable() {
		pages, err := c.streamPages(ctx, first, last, false)
		if c.stream.noteResult(ctx, err) == nil || ctx.Err() != nil {
			return pages, err
		}
	}
	return c.restPages(ctx, first, last)
}

// restPages is ledgerPages by the REST API.
func (c *Chain) restPages(ctx context.Context, first, last int64) ([]*ledgerPage, error) {
	from, to := first/pageSize, min(last/pageSize, first/pageSize+pagesRead-1)
	pages := make([]*ledgerPage, to-from+1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxTransactions)
	for i := range pages {
		group.Go(func() (err error) {
			number := from + int64(i)
			pages[i], err = c.page(ctx, number, max(first, number*pageSize), min(last, (number+1)*pageSize-1))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	// A node may give fewer transactions than requested.
	whole := slices.IndexFunc(pages, func(p *ledgerPage) bool { return p.last < min(last, (p.first/pageSize+1)*pageSize-1) })
	if whole >= 0 {
		pages = pages[:whole+1]
	}
	return pages, nil
}

// page returns the page of a number, with the versions from first to last if the node gives
// them all.
func (c *Chain) page(ctx context.Context, number, first, last int64) (*ledgerPage, error) {
	kept := func() (*ledgerPage, bool) {
		p, ok := c.pages.Get(number)
		return p, ok && p.holds(first, last)
	}
	key := fmt.Sprintf("page %d from %d to %d", number, first, last)
	return fetchOnce(ctx, &c.flights, key, kept, func() (*ledgerPage, error) {
		p, err := c.node.page(c.ctx, first, (number+1)*pageSize-first, last, c.wanted)
		if err == nil {
			c.pages.Add(number, p)
		}
		return p, err
	})
}

// page asks for limit transactions from a version on; the ledger must have reached the version
// last.
func (n node) page(ctx context.Context, first, limit, last int64, wanted map[string]bool) (*ledgerPage, error) {
	r := request{
		need: endpoint.Need{From: first, To: last}, path: []string{"transactions"},
		query: url.Values{"start": {decimal(first)}, "limit": {decimal(limit)}},
	}
	var scan pageScanner
	_, err := n.read(ctx, r, func(body []byte, _ int64) error {
		scan = pageScanner{wanted: wanted, next: first}
		if err := scan.scanPage(body); err != nil {
			return err
		}
		if count := scan.next - first; count == 0 || count > limit {
			return fmt.Errorf("%d transactions from version %d on, at most %d were requested", count, first, limit)
		}
		return nil
	})
	switch {
	case limit > 1 && endpoint.RefusalOf(err).IsSize():
		return n.page(ctx, first, limit/2, min(last, first+limit/2-1), wanted)
	case err != nil:
		return nil, err
	}
	return &ledgerPage{first: first, last: scan.next - 1, raws: scan.raws}, nil
}

// withoutAddress returns the module and name of a type.
func withoutAddress(name string) string {
	name, _, _ = strings.Cut(name, "<")
	_, name, _ = strings.Cut(name, "::")
	return name
}
