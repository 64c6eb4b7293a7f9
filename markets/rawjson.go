package markets

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// rawJSON is a raw event as a dead letter keeps it: readable, and whole, so that it can be
// decoded again. Only EVM events have an address. Data is a hex string on EVM chains, the
// node's JSON on Aptos.
type rawJSON struct {
	Position    Position  `json:"position"`
	Seq         int64     `json:"seq"`
	Block       string    `json:"block,omitempty"`
	Transaction string    `json:"transaction"`
	Time        time.Time `json:"time"`

	Address     string        `json:"address,omitempty"`
	Topics      []string      `json:"topics,omitempty"`
	ReceiptLogs []logJSON     `json:"around,omitempty"`
	Announced   []string      `json:"announced,omitempty"`
	Envelope    *envelopeJSON `json:"envelope,omitempty"`

	Type   string            `json:"type,omitempty"`
	Ledger *AptosTransaction `json:"ledger,omitempty"`

	nodeData
	Left int `json:"left,omitempty"` // bytes that are left out
}

// MarshalJSON is the event's readable form.
func (r Raw) MarshalJSON() ([]byte, error) {
	form := rawJSON{
		Position: r.Position, Seq: r.Seq, Block: r.Block, Transaction: r.Transaction, Time: r.Time,
		Type: r.Type, Ledger: r.Ledger, Left: r.Left,
	}
	if r.Type != "" || r.JSON != nil || r.Ledger != nil {
		form.nodeData = dataOf(r.JSON)
		return json.Marshal(form)
	}
	form.Address, form.Announced = hexOf(r.Address[:]), r.Announced
	for _, topic := range r.Topics {
		form.Topics = append(form.Topics, hexOf(topic[:]))
	}
	form.Data = json.RawMessage(`"` + hexOf(r.Data) + `"`)
	if r.Envelope != nil {
		form.Envelope = &envelopeJSON{hexOf(r.Envelope.Sender[:]), r.Envelope.Value}
	}
	for _, l := range r.ReceiptLogs {
		form.ReceiptLogs = append(form.ReceiptLogs, logJSONOf(l))
	}
	return json.Marshal(form)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Raw) UnmarshalJSON(text []byte) error {
	var form rawJSON
	if err := json.Unmarshal(text, &form); err != nil {
		return fmt.Errorf("raw event: %w", err)
	}
	*r = Raw{
		Position: form.Position, Seq: form.Seq, Block: form.Block, Transaction: form.Transaction, Time: form.Time,
		Type: form.Type, Ledger: form.Ledger, Left: form.Left,
	}
	if form.Address == "" {
		r.JSON = form.bytes()
		return nil
	}
	return r.readLog(form)
}

// readLog reads the fields of an EVM event.
func (r *Raw) readLog(form rawJSON) error {
	if err := readHex(r.Address[:], form.Address); err != nil {
		return fmt.Errorf("raw event: address: %w", err)
	}
	r.Announced = form.Announced
	var err error
	if r.Topics, err = readTopics(form.Topics); err != nil {
		return fmt.Errorf("raw event: topic: %w", err)
	}
	for _, l := range form.ReceiptLogs {
		log, err := l.log()
		if err != nil {
			return fmt.Errorf("raw event: receipt logs: %w", err)
		}
		r.ReceiptLogs = append(r.ReceiptLogs, log)
	}
	if form.Envelope != nil {
		r.Envelope = &Envelope{Value: form.Envelope.Value}
		if err := readHex(r.Envelope.Sender[:], form.Envelope.Sender); err != nil {
			return fmt.Errorf("raw event: sender: %w", err)
		}
	}
	var text string
	if err := json.Unmarshal(form.Data, &text); err != nil {
		return fmt.Errorf("raw event: data: %w", err)
	}
	if r.Data, err = readData(text); err != nil {
		return fmt.Errorf("raw event: data: %w", err)
	}
	return nil
}

// envelopeJSON is a transaction's envelope in its JSON form.
type envelopeJSON struct {
	Sender string `json:"sender"`
	Value  Amount `json:"value,omitempty"`
}

// logJSON is one of an event's receipt logs in its JSON form.
type logJSON struct {
	Index   int32    `json:"index"`
	Address string   `json:"address"`
	Topics  []string `json:"topics"`
	Data    string   `json:"data"`
}

func logJSONOf(l Log) logJSON {
	form := logJSON{Index: l.Index, Address: hexOf(l.Address[:]), Data: hexOf(l.Data)}
	for _, topic := range l.Topics {
		form.Topics = append(form.Topics, hexOf(topic[:]))
	}
	return form
}

func (form logJSON) log() (l Log, err error) {
	l.Index = form.Index
	if err := readHex(l.Address[:], form.Address); err != nil {
		return l, err
	}
	if l.Topics, err = readTopics(form.Topics); err != nil {
		return l, err
	}
	l.Data, err = readData(form.Data)
	return l, err
}

func readTopics(texts []string) (topics [][32]byte, err error) {
	for _, text := range texts {
		var topic [32]byte
		if err := readHex(topic[:], text); err != nil {
			return nil, err
		}
		topics = append(topics, topic)
	}
	return topics, nil
}

// readData reads hex of any length.
func readData(text string) ([]byte, error) {
	data := make([]byte, max(len(text)-2, 0)/2)
	return data, readHex(data, text)
}

// nodeData is JSON from a node. A dead letter may hold data that is not valid JSON: it is
// kept as bytes.
type nodeData struct {
	Data      json.RawMessage `json:"data,omitempty"`
	Malformed []byte          `json:"malformed,omitempty"`
}

func dataOf(data json.RawMessage) nodeData {
	if json.Valid(data) {
		return nodeData{Data: data}
	}
	return nodeData{Malformed: data}
}

func (d nodeData) bytes() json.RawMessage {
	if d.Data != nil {
		return d.Data
	}
	return d.Malformed
}

// resourceJSON is a resource in a raw event's JSON form.
type resourceJSON struct {
	Address string `json:"address"`
	Type    string `json:"type"`
	nodeData
}

// MarshalJSON is the resource's readable form.
func (r AptosResource) MarshalJSON() ([]byte, error) {
	return json.Marshal(resourceJSON{r.Address, r.Type, dataOf(r.Data)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *AptosResource) UnmarshalJSON(text []byte) error {
	var form resourceJSON
	if err := json.Unmarshal(text, &form); err != nil {
		return fmt.Errorf("resource: %w", err)
	}
	*r = AptosResource{form.Address, form.Type, form.bytes()}
	return nil
}

var errHex = errors.New("not 0x and the right number of hex digits")

func hexOf(b []byte) string { return "0x" + hex.EncodeToString(b) }

// readHex fills b from its hex form.
func readHex(b []byte, text string) error {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok || len(digits) != 2*len(b) {
		return errHex
	}
	_, err := hex.Decode(b, []byte(digits))
	return err
}
