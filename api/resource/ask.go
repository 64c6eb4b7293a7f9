package resource

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/imart/event-worker/internal/spelling"
	"github.com/imart/event-worker/persistence"
	"github.com/imart/event-worker/persistence/documents"
)

// requestBody is the JSON body of a request to the owner of a chain.
type requestBody struct {
	Kind       string `json:"kind"`
	Chain      string `json:"chain"`
	Market     string `json:"market"`
	Stream     string `json:"stream"`
	Height     *int64 `json:"height"`
	DeadLetter string `json:"deadLetter"`
	DryRun     bool   `json:"dryRun"`
}

// members tells which members are given, without kind and chain.
func (b requestBody) members() map[string]bool {
	return map[string]bool{"market": b.Market != "", "stream": b.Stream != "", "height": b.Height != nil, "deadLetter": b.DeadLetter != "", "dryRun": b.DryRun}
}

// kind is a kind of request that clients may make.
type kind struct {
	name  string
	takes []string                   // members, beside kind and chain
	check func(b requestBody) string // returns what is wrong; empty if nothing is
}

// kinds are all of them. The commands of the same names have the same rules.
var kinds = []kind{
	{persistence.RetryRequest, []string{"market", "deadLetter"}, func(b requestBody) string {
		if b.Market != "" && b.DeadLetter != "" {
			return "name either a market or one dead letter"
		}
		return ""
	}},
	{persistence.RewindRequest, []string{"market", "stream", "height", "dryRun"}, func(b requestBody) string {
		if b.Height == nil || *b.Height < 0 {
			return "a rewind needs a height that is not negative: a block number, or a ledger version on Aptos"
		}
		return ""
	}},
	{persistence.PauseRequest, []string{"market", "stream"}, needsMarket},
	{persistence.ResumeRequest, []string{"market", "stream"}, needsMarket},
	{persistence.RedecodeRequest, []string{"market", "stream", "height"}, func(b requestBody) string {
		if (b.Market == "") != (b.Stream == "") || b.Height != nil && b.Stream == "" {
			return "name one stream by market and stream, or only the chain to decode all of its changed streams again"
		}
		return ""
	}},
}

func needsMarket(b requestBody) string {
	if b.Market == "" {
		return "name the market, and a stream if only that stream is meant"
	}
	return ""
}

func kindNames() (names []string) {
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// ask stores a request, which the chain's owner executes.
func (s *server) ask(w http.ResponseWriter, r *http.Request) {
	b, err := readBody(r.Body)
	if err == nil {
		err = s.checkKnown(r.Context(), b)
	}
	if err == nil && s.Ask == nil {
		err = ErrNobody
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	asked := persistence.Request{
		ID: strings.ToLower(rand.Text()[:12]), Kind: b.Kind, Chain: b.Chain, Market: b.Market, Stream: b.Stream,
		Height: b.Height, DeadLetter: b.DeadLetter, DryRun: b.DryRun, AskedBy: "API, " + sender(r),
	}
	if err := s.Ask(r.Context(), asked); err != nil {
		s.fail(w, r, err)
		return
	}
	doc, err := s.stored(r, documents.Of(persistence.Requests), asked.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.Log.Info("the API has stored a request", "kind", asked.Kind, "of", asked.Subject(), "id", asked.ID, "from", sender(r))
	w.Header().Set("Location", "/"+persistence.Requests+"/"+asked.ID)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(append(doc, '\n'))
}

// sender returns the address of a request's client, without the port.
func sender(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// readBody reads and checks a body, except for whether the data contain what it names.
func readBody(body io.Reader) (b requestBody, err error) {
	text, err := io.ReadAll(body)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return b, badRequest{fmt.Sprintf("the body is longer than %d bytes", tooLarge.Limit)}
	}
	if err != nil {
		return b, badRequest{"the body could not be read: send it again"}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return b, badRequest{`send a JSON object like {"kind": "pause", "chain": "ethereum", "market": "seaport"}`}
	}
	known := append([]string{"kind", "chain"}, slices.Sorted(maps.Keys(b.members()))...)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(known, name) {
			return b, badRequest{fmt.Sprintf("unknown member %q%s: known are %s", name, spelling.DidYouMean(name, known), strings.Join(known, ", "))}
		}
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&b); err != nil {
		return b, badRequest{"height is an integer, dryRun is true or false, all other members are strings: " + err.Error()}
	}
	return b.checked()
}

// checked returns the body with its chain, which the _id of a dead letter names, too.
func (b requestBody) checked() (requestBody, error) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == b.Kind })
	if i < 0 {
		return b, badRequest{fmt.Sprintf("unknown kind %q%s: known are %s", b.Kind, spelling.DidYouMean(b.Kind, kindNames()), strings.Join(kindNames(), ", "))}
	}
	k, given := kinds[i], b.members()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if given[name] && !slices.Contains(k.takes, name) {
			return b, badRequest{fmt.Sprintf("%s takes no %s, only %s", k.name, name, strings.Join(k.takes, ", "))}
		}
	}
	if b.DeadLetter != "" {
		chain, _, _ := strings.Cut(b.DeadLetter, "/")
		if b.Chain = cmp.Or(b.Chain, chain); b.Chain != chain {
			return b, badRequest{fmt.Sprintf("the dead letter does not belong to chain %q", b.Chain)}
		}
	}
	if b.Chain == "" {
		return b, badRequest{"name the chain"}
	}
	if wrong := k.check(b); wrong != "" {
		return b, badRequest{wrong}
	}
	if b.Stream != "" && b.Market == "" {
		return b, badRequest{"name the market of the stream, too"}
	}
	return b, nil
}

// checkKnown returns an error unless the data contain what the body names.
func (s *server) checkKnown(ctx context.Context, b requestBody) error {
	leases, err := persistence.Collect[persistence.Lease](ctx, s.Data, persistence.Query{Collection: persistence.Leases})
	if err != nil {
		return err
	}
	var chains []string
	for _, l := range leases {
		chains = append(chains, l.Chain)
	}
	if !slices.Contains(chains, b.Chain) {
		return unknownPart("chain", b.Chain, "the data", chains)
	}
	if b.DeadLetter != "" {
		q := persistence.Query{Collection: persistence.DeadLetters, Filter: persistence.Filter{Condition: persistence.Is("_id", b.DeadLetter)}, Limit: 1}
		for _, err := range s.Data.Query(ctx, q) {
			return err
		}
		return badRequest{"no dead letter has that _id: GET /dead_letters lists them"}
	}
	if b.Market == "" {
		return nil
	}
	actors, err := persistence.Collect[persistence.Actor](ctx, s.Data, persistence.Query{
		Collection: persistence.Actors, Filter: persistence.Filter{Condition: persistence.Is("chain", b.Chain)},
	})
	if err != nil {
		return err
	}
	var markets, streams []string
	for _, a := range actors {
		markets = append(markets, a.Market)
		if a.Market == b.Market {
			streams = append(streams, a.Stream)
		}
	}
	switch {
	case !slices.Contains(markets, b.Market):
		return unknownPart("market", b.Market, "chain "+b.Chain, markets)
	case b.Stream != "" && !slices.Contains(streams, b.Stream):
		return unknownPart("stream", b.Stream, "market "+b.Market, streams)
	}
	return nil
}

// unknownPart is the error for an unknown chain, market or stream of owner.
func unknownPart(what, name, owner string, known []string) error {
	known = slices.DeleteFunc(known, func(k string) bool { return k == "" })
	slices.Sort(known)
	known = slices.Compact(known)
	list := cmp.Or(strings.Join(known, ", "), "none yet")
	return badRequest{fmt.Sprintf("unknown %s %q%s: known in %s are %s", what, name, spelling.DidYouMean(name, known), owner, list)}
}
