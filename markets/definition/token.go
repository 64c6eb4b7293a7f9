package definition

import (
	"encoding/json"

	"github.com/imart/event-worker/markets"
)

// The resources that describe a digital asset (aptos_token_objects::token). The
// name of newer ones stands apart, where it can be changed at once with others.
const (
	tokenType       = "0x4::token::Token"
	identifiersType = "0x4::token::TokenIdentifiers"
)

// describe looks for a token's collection and name among the resources that the
// transaction wrote. What it does not find, or cannot read, is empty: moving a token
// writes them, an offer for it does not.
func describe(token string, ledger *markets.AptosTransaction) (collection, name string) {
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
				Collection object `json:"collection"`
				Name       string `json:"name"`
			}
			if json.Unmarshal(r.Data, &t) == nil {
				collection, _ = normalised(t.Collection.Inner)
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

// object is a reference to an object.
type object struct {
	Inner string `json:"inner"`
}
