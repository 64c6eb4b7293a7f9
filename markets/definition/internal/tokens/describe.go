package tokens

import (
	"encoding/json"

	"github.com/imart/event-worker/markets"
	"github.com/imart/event-worker/markets/definition/internal/address"
	"github.com/imart/event-worker/markets/definition/internal/move"
)

// The resources that describe a token object (aptos_token_objects::token). Newer tokens,
// which can be minted concurrently, have their names in TokenIdentifiers.
const (
	tokenType       = "0x4::token::Token"
	identifiersType = "0x4::token::TokenIdentifiers"
)

// Describe is a token object's collection and name, from the resources that the
// transaction wrote. Either is empty if it is not there or cannot be read: transferring a
// token writes them, an offer for it does not.
func Describe(token string, ledger *markets.AptosTransaction) (collection, name string) {
	if ledger == nil {
		return "", ""
	}
	for _, r := range ledger.Resources {
		if r.Address != token {
			continue
		}
		switch r.Type {
		case tokenType:
			var t struct {
				Collection move.Object `json:"collection"`
				Name       string      `json:"name"`
			}
			if json.Unmarshal(r.Data, &t) == nil {
				collection, _ = address.Aptos(t.Collection.Inner)
				if name == "" {
					name = t.Name
				}
			}
		case identifiersType:
			var t struct {
				Name struct {
					Value string `json:"value"`
				} `json:"name"`
			}
			if json.Unmarshal(r.Data, &t) == nil && t.Name.Value != "" {
				name = t.Name.Value
			}
		}
	}
	return collection, name
}
