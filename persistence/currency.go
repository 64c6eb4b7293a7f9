package persistence

import (
	"time"

	"github.com/imart/event-worker/markets"
)

// KnownCurrency is what a chain said of a currency when it was first asked. It never changes: what
// is read again later must decode to the same events.
type KnownCurrency struct {
	ID      string `json:"_id" bson:"_id"` // CurrencyID
	Chain   string `json:"chain" bson:"chain"`
	Address string `json:"address" bson:"address"` // currency.Canonical
	Symbol  string `json:"symbol,omitempty" bson:"symbol,omitempty"`
	// Decimals are nil if the chain did not say.
	Decimals *int   `json:"decimals,omitempty" bson:"decimals,omitempty"`
	Name     string `json:"name,omitempty" bson:"name,omitempty"`
	// Reason is why the symbol or the decimals are not known.
	Reason string    `json:"reason,omitempty" bson:"reason,omitempty"`
	Height int64     `json:"height" bson:"height"` // as of which the chain was asked
	ReadAt time.Time `json:"readAt" bson:"readAt"`
}

// CurrencyID is the key of a currency's document.
func CurrencyID(chain, address string) string { return chain + "/" + address }

// Complete sets the symbol and decimals of a currency, as far as they are known. A symbol comes
// with its decimals or not at all, so that decimals that are missing beside it are 0.
func (c KnownCurrency) Complete(of *markets.Currency) {
	if c.Decimals == nil {
		return
	}
	of.Symbol, of.Decimals = c.Symbol, *c.Decimals
}
