package rawdata

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// FromREST returns a transaction of the REST API as the stream would give it.
func FromREST(body []byte) (Transaction, error) {
	var w struct {
		Version, Hash, Timestamp, Sender string
		Events                           []struct {
			GUID struct {
				Creation string `json:"creation_number"`
				Account  string `json:"account_address"`
			}
			Sequence string `json:"sequence_number"`
			Type     string
			Data     json.RawMessage
		}
		Changes []struct {
			Type, Address string
			Data          json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return Transaction{}, err
	}
	hash, err := hex.DecodeString(strings.TrimPrefix(w.Hash, "0x"))
	if err != nil {
		return Transaction{}, fmt.Errorf("hash: %w", err)
	}
	t := Transaction{Version: number(w.Version), Micros: number(w.Timestamp), Hash: hash, Sender: []byte(w.Sender)}
	for _, e := range w.Events {
		data, err := text(e.Data)
		if err != nil {
			return Transaction{}, err
		}
		t.Events = append(t.Events, Event{
			Account: []byte(e.GUID.Account), Creation: uint64(number(e.GUID.Creation)), Sequence: number(e.Sequence),
			Type: []byte(e.Type), Data: data,
		})
	}
	for _, c := range w.Changes {
		if c.Type != "write_resource" {
			continue
		}
		var written struct {
			Type string
			Data json.RawMessage
		}
		if err := json.Unmarshal(c.Data, &written); err != nil {
			return Transaction{}, err
		}
		data, err := text(written.Data)
		if err != nil {
			return Transaction{}, err
		}
		t.Resources = append(t.Resources, Resource{c.Address, written.Type, data}.Append(nil))
	}
	return t, nil
}

// text is JSON without space, as the stream has it.
func text(data json.RawMessage) ([]byte, error) {
	var out bytes.Buffer
	err := json.Compact(&out, data)
	return out.Bytes(), err
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
