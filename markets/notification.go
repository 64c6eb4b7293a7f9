package markets

import "time"

// Notification tells somebody of an activity that concerns them. It is written, and
// deleted, together with the activity.
type Notification struct {
	Receiver string   `json:"receiver" bson:"receiver"`
	Message  Message  `json:"message" bson:"message"`
	Activity string   `json:"activity" bson:"activity"` // Activity.ID
	Chain    string   `json:"chain" bson:"chain"`
	Market   string   `json:"market" bson:"market"`
	Stream   string   `json:"stream" bson:"stream"`
	Seq      int64    `json:"seq" bson:"seq"`
	Position Position `json:"position" bson:"position"`
	Kind     Kind     `json:"kind" bson:"kind"`
	Order    string   `json:"order,omitempty" bson:"order,omitempty"`
	Token    Token    `json:"token,omitzero" bson:"token,omitempty"`
	Quantity Amount   `json:"quantity,omitempty" bson:"quantity,omitempty"`
	Price    Amount   `json:"price,omitempty" bson:"price,omitempty"`
	Currency Currency `json:"currency,omitzero" bson:"currency,omitempty"`
	// From is who caused it; empty if the event does not say.
	From        string    `json:"from,omitempty" bson:"from,omitempty"`
	Transaction string    `json:"transaction" bson:"transaction"`
	Time        time.Time `json:"time" bson:"time"`
	// ReadAt is when the receiver read it. The market's backend sets it.
	ReadAt *time.Time `json:"readAt,omitempty" bson:"readAt,omitempty"`
}

// Message is what a notification says.
type Message string

// Messages are all messages.
func Messages() []Message {
	return []Message{OrderFilled, TokenBought, OfferReceived, OfferTaken, OfferRefused, TokenSold, OfferGone}
}

// The messages.
const (
	OrderFilled   Message = "order_filled"    // to the maker of a listing: it was bought from
	TokenBought   Message = "token_bought"    // to the buyer
	OfferReceived Message = "offer_received"  // to the person that an offer names; of one that names nobody, to the token's owner, if known
	OfferTaken    Message = "offer_accepted"  // to the maker of an offer
	OfferRefused  Message = "offer_rejected"  // to the maker of an offer
	TokenSold     Message = "token_sold"      // to the taker of an offer
	OfferGone     Message = "offer_cancelled" // to the person that the offer names, if it names one
)

// ID is the notification's key: one for each receiver and activity.
func (n Notification) ID() string { return n.Activity + "/" + n.Receiver }

// Notifications are those of an activity, at most one for each receiver. Of what they did
// themselves people are told only if it is a sale.
func Notifications(a Activity) []Notification {
	var all []Notification
	tell := func(receiver string, message Message, from string) {
		if receiver == "" || len(all) > 0 && all[0].Receiver == receiver {
			return
		}
		all = append(all, a.notification(receiver, message, from))
	}
	switch a.Kind {
	case Bought:
		tell(a.Maker, OrderFilled, a.Taker)
		tell(a.Taker, TokenBought, a.Maker)
	case OfferAccepted:
		tell(a.Maker, OfferTaken, a.Taker)
		tell(a.Taker, TokenSold, a.Maker)
	case OfferAgreed:
		tell(a.Maker, OfferTaken, a.Taker)
	case OfferMade:
		tell(a.Taker, OfferReceived, a.Maker)
	case OrderChecked:
		if a.Fact != nil {
			return OfferToOwner(a, a.Fact.Owner)
		}
	case OfferCancelled:
		tell(a.Taker, OfferGone, a.Maker)
	case OfferRejected:
		tell(a.Maker, OfferRefused, a.Taker)
	}
	return all
}

// OfferToOwner tells the owner of a token of an offer for it, unless they made it themselves.
func OfferToOwner(a Activity, owner string) []Notification {
	if owner == "" || owner == a.Maker {
		return nil
	}
	return []Notification{a.notification(owner, OfferReceived, a.Maker)}
}

// ForAnyOwner says whether an event is an offer for one token that names nobody: it concerns
// the token's owner.
func (e Event) ForAnyOwner() bool {
	return e.Kind == OfferMade && e.Taker == "" && e.ReservedFor == "" && e.Token.ID != ""
}

func (a Activity) notification(receiver string, message Message, from string) Notification {
	return Notification{
		Receiver: receiver, Message: message, Activity: a.ID(), Chain: a.Chain, Market: a.Market, Stream: a.Stream,
		Seq: a.Seq, Position: a.Position, Kind: a.Kind, Order: a.Order, Token: a.Token, Quantity: a.Quantity,
		Price: a.Price, Currency: a.Currency, From: from, Transaction: a.Transaction, Time: a.Time,
	}
}
