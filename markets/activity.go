package markets

import (
	"encoding/json"
	"fmt"
	"time"
)

// Activity is an event in the log: the durable record from which every order can be
// folded again, and the feed that people read.
type Activity struct {
	Chain  string `json:"chain" bson:"chain"`
	Market string `json:"market" bson:"market"`
	Event  `bson:",inline"`
}

// ID is the activity's key: the document that it concerns, its position, and its branch of
// the chain. The same event mined again in another block is another activity.
func (a Activity) ID() string {
	p := a.Position
	branch := a.Block
	if branch == "" {
		branch = a.Transaction
	}
	return fmt.Sprintf("%s/%s/%s/%d.%d.%d.%d/%s/%.18s", a.Chain, a.Market, a.Key(), p.Height, p.Transaction, p.Log, p.Sub, a.Stream, branch)
}

// Key is the key, within its market, of the document that the event concerns. The log is
// read by key when a document is folded again. A bulk cancel concerns every order of its
// maker, or every one with its nonce. Events that concern no document have their token's key.
func (e Event) Key() string {
	switch {
	case e.Order != "":
		return e.Order
	case e.Kind == OrdersCancelled && e.Nonce.Known():
		return NonceKey(e.Maker, e.Nonce)
	case e.Kind == OrdersCancelled:
		return MakerKey(e.Maker)
	case e.Record != nil:
		return RecordKey(e.Record.Type, e.Record.Key)
	case e.Kind == SignedRefused:
		return "signed:" + e.Signed
	case e.Kind == ContractCreated:
		return "contract:" + e.Contract
	}
	return "token:" + e.Token.Collection + ":" + e.Token.ID
}

// MakerKey is the log's key of the bulk cancels of a maker.
func MakerKey(maker string) string { return "maker:" + maker }

// NonceKey is the log's key of the cancellations of one nonce of a maker.
func NonceKey(maker string, nonce Amount) string { return MakerKey(maker) + ":" + string(nonce) }

// RecordKey is the log's key of a record.
func RecordKey(kind, key string) string { return kind + ":" + key }

// DeadLetter is a raw event that could not be decoded, kept until it can be.
type DeadLetter struct {
	Chain       string    `json:"chain" bson:"chain"`
	Market      string    `json:"market" bson:"market"`
	Stream      string    `json:"stream" bson:"stream"`
	Seq         int64     `json:"seq" bson:"seq"`
	Position    Position  `json:"position" bson:"position"`
	Block       string    `json:"block,omitempty" bson:"block,omitempty"`
	Transaction string    `json:"transaction" bson:"transaction"`
	Time        time.Time `json:"time" bson:"time"`
	Reason      string    `json:"reason" bson:"reason"`
	// Raw is the stream's raw events of its transaction, as a list: the one at
	// Position could not be decoded.
	Raw json.RawMessage `json:"raw" bson:"raw"`
}

// ID is the dead letter's key.
func (d DeadLetter) ID() string {
	p := d.Position
	return fmt.Sprintf("%s/%s/%s/%d.%d.%d/%.18s", d.Chain, d.Market, d.Stream, p.Height, p.Transaction, p.Log, d.Block)
}
