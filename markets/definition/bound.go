package definition

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/currency"
	"github.com/imart/event-worker/markets/definition/internal/expression"
	"github.com/imart/event-worker/markets/definition/internal/move"
	"github.com/imart/event-worker/markets/definition/internal/solidity"
	"github.com/imart/event-worker/markets/definition/internal/tokens"
)

// boundSource is a source on one chain: it knows its contracts there.
type boundSource struct {
	*source
	*place
	kind       markets.ChainKind
	contracts  map[[20]byte]string         // in EIP-55
	currencies map[string]markets.Currency // by address
	typeName   string                      // Aptos: with the account
}

func (d *Definition) boundSource(src *source, at *place) *boundSource {
	b := &boundSource{source: src, place: at, kind: d.Kind, contracts: map[[20]byte]string{}, currencies: map[string]markets.Currency{}}
	for _, c := range at.known {
		b.currencies[c.Address] = c
	}
	for _, c := range d.currencies {
		b.currencies[c.Address] = c
		if address, ok := currency.Canonical(d.Kind, c.Address); ok { // as fields of type address are spelled
			b.currencies[address] = c
		}
	}
	if d.Kind == markets.Aptos {
		b.typeName = qualified(src.home(at.account), src.eventType)
		return b
	}
	b.currencies[zeroAddress] = at.coin
	addresses, _ := at.addresses(src)
	for _, a := range addresses {
		b.contracts[common.HexToAddress(a)] = a
	}
	return b
}

// errNotOurs says that a raw event is not one of a source's.
var errNotOurs = errors.New("another event")

// match says whether a raw event is one of the source's: errNotOurs if it is not, another
// error if it should be but is not as declared.
func (b *boundSource) match(raw *markets.Raw) error {
	if b.kind == markets.Aptos {
		name, _, _ := strings.Cut(raw.Type, "<")
		if strings.Contains(b.eventType, "::") && name != b.typeName {
			return fmt.Errorf("event of type %.200q, not %s", raw.Type, b.typeName)
		}
		return nil
	}
	if len(raw.Topics) == 0 || raw.Topics[0] != b.event.ID {
		return errNotOurs
	}
	if !b.isOf(raw) {
		return errNotOurs
	}
	if len(raw.Topics) != b.event.Topics {
		if b.anyone {
			return errNotOurs
		}
		return fmt.Errorf("%s has %d topics and this log has %d: other parameters are indexed, add its event to abi", b.event.RawName, b.event.Topics, len(raw.Topics))
	}
	return nil
}

// isOf says whether a log is of one of the source's contracts.
func (b *boundSource) isOf(raw *markets.Raw) bool {
	if _, ok := b.contracts[raw.Address]; ok || b.anyone {
		return true
	}
	return slices.ContainsFunc(b.factories, func(f *factory) bool { return slices.Contains(raw.Announced, f.name) })
}

// read sets the values that the source's expressions depend on.
func (b *boundSource) read(w *workspace, raw *markets.Raw, into expression.Values) error {
	if b.kind == markets.Aptos {
		return b.readAptos(w, raw, into)
	}
	return b.readEVM(w, raw, into)
}

func (b *boundSource) readEVM(w *workspace, raw *markets.Raw, into expression.Values) error {
	if len(raw.Data) < b.event.DataSize() {
		return solidity.ErrShort
	}
	if b.factory != "" && len(raw.Data) > maxAnnouncement {
		return errLongAnnouncement
	}
	if b.used["emitter"] {
		into["emitter"] = b.emitter(w, raw)
	}
	if b.used["coin"] {
		into["coin"] = zeroAddress
	}
	if b.used["moved"] || b.used["paid"] {
		into["moved"], into["paid"] = tokens.Transfers(raw, b.window, w.checksums)
	}
	if b.envelope {
		if err := b.readEnvelope(w, raw, into); err != nil {
			return err
		}
	}
	if err := b.readFields(w, raw, into); err != nil || b.settlement == nil {
		return err
	}
	transferred, err := b.transferred(w, raw, into)
	into["transferred"] = transferred
	return err
}

// emitter is the contract that logged the event.
func (b *boundSource) emitter(w *workspace, raw *markets.Raw) string {
	if address, ok := b.contracts[raw.Address]; ok {
		return address
	}
	return w.checksums.Of(raw.Address)
}

func (b *boundSource) readAptos(w *workspace, raw *markets.Raw, into expression.Values) error {
	into["account"] = b.account
	into["sender"] = ""
	if raw.Ledger != nil {
		into["sender"] = raw.Ledger.Sender
	}
	if b.used["typeArguments"] {
		into["typeArguments"] = typeArguments(raw.Type)
	}
	if err := b.readResources(w, raw.Ledger, into); err != nil {
		return err
	}
	if b.used["collectionOf"] {
		into["collectionOf"] = func(token string) string { collection, _ := tokens.Describe(token, raw.Ledger); return collection }
	}
	if b.used["nameOf"] {
		into["nameOf"] = func(token string) string { _, name := tokens.Describe(token, raw.Ledger); return name }
	}
	return move.Read(b.body, raw.JSON, b.used, into)
}
