package rawdata

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/imart/event-worker/chains/internal/rawdata/rawdatatest"
)

// Each kind of transactions has its events where the schema says.
func TestTransactionsAreReadAsTheSchemaHasThem(t *testing.T) {
	const common = `"timestamp":{"seconds":"1700000000","nanos":123456789},"version":"42","epoch":"3",
		"info":{"hash":"AQID","success":true,"changes":[{"writeTableItem":{"key":"x"}},{"writeResource":{"address":"0x7","typeStr":"0x4::token::Token","data":"{}"}}]}`
	const events = `"events":[{"key":{"creationNumber":"2","accountAddress":"0x5"},"sequenceNumber":"9","type":{"struct":{"name":"X"}},"typeStr":"0x5::m::E","data":"{\"a\":1}"},{"typeStr":"0x5::m::F"}]`
	for kind, sender := range map[string]string{
		"blockMetadata": "", "genesis": "", "user": `"request":{"sender":"0x9","sequenceNumber":"1"},`, "validator": "", "scheduledTransaction": `"sender":"0x9",`,
	} {
		var got Transaction
		message := rawdatatest.Marshal(t, "Transaction", fmt.Appendf(nil, `{%s,%q:{%s%s}}`, common, kind, sender, events))
		if err := got.Read(message); err != nil {
			t.Fatal(err)
		}
		want := Transaction{Version: 42, Micros: 1_700_000_000_123_456, Hash: []byte{1, 2, 3}, Events: []Event{
			{Account: []byte("0x5"), Creation: 2, Sequence: 9, Type: []byte("0x5::m::E"), Data: []byte(`{"a":1}`)}, {Type: []byte("0x5::m::F")},
		}}
		if sender != "" {
			want.Sender = []byte("0x9")
		}
		var resource Resource
		if len(got.Resources) != 1 || resource.Read(got.Resources[0]) != nil || !reflect.DeepEqual(resource, Resource{"0x7", "0x4::token::Token", []byte("{}")}) {
			t.Errorf("%s: resources %q", kind, got.Resources)
		}
		if got.Resources = nil; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v, want %+v", kind, got, want)
		}
	}
}

// What is written is what the schema says, too.
func TestMessagesAreWrittenAsTheSchemaHasThem(t *testing.T) {
	same := func(name, got, want string) {
		t.Helper()
		if strings.ReplaceAll(got, " ", "") != want {
			t.Errorf("%s\nis   %s\nwant %s", name, got, want)
		}
	}
	request := Request{Start: 7, Count: 3, Batch: 2}
	same("request", rawdatatest.Unmarshal(t, "GetTransactionsRequest", request.Append(nil)), `{"starting_version":"7","transactions_count":"3","batch_size":"2"}`)
	var again Request
	if err := again.Read(request.Append(nil)); err != nil || again != request {
		t.Errorf("%+v, %v", again, err)
	}
	transaction := Transaction{Version: 5, Micros: 1_000_002, Hash: []byte{1}, Sender: []byte("0x9"), Events: []Event{{Type: []byte("T"), Data: []byte("{}")}}}
	same("response", rawdatatest.Unmarshal(t, "TransactionsResponse", Response{ChainID: 1, Transactions: [][]byte{transaction.Append(nil)}}.Append(nil)),
		`{"transactions":[{"timestamp":{"seconds":"1","nanos":2000},"version":"5","info":{"hash":"AQ=="},"user":{"request":{"sender":"0x9"},"events":[{"key":{},"data":"{}","type_str":"T"}]}}],"chain_id":"1"}`)
}

// What a server may not say is an error, and no more is read than what is bounded.
func TestBounds(t *testing.T) {
	many := strings.Repeat("\x0a\x00", maxTransactions+1)
	var response Response
	if err := response.Read([]byte(many)); err == nil {
		t.Errorf("%d transactions", len(response.Transactions))
	}
	if err := response.Read([]byte(many)[2:]); err != nil || len(response.Transactions) != maxTransactions {
		t.Errorf("%d transactions, %v", len(response.Transactions), err)
	}
	for name, message := range map[string][]byte{
		"version":   appendVarint(nil, 2, math.MaxInt64+1),
		"cut off":   {0x0a, 0x05, 0x00},
		"nanos":     appendBytes(nil, 1, appendVarint(nil, 2, 1_000_000_000)),
		"seconds":   appendBytes(nil, 1, appendVarint(nil, 1, math.MaxUint64)),
		"sequence":  appendBytes(nil, 10, appendBytes(nil, 2, appendVarint(nil, 2, math.MaxUint64))),
		"group end": protowire.AppendTag(nil, 1, protowire.EndGroupType),
		"events":    appendBytes(nil, 10, []byte(strings.Repeat("\x12\x00", maxParts+1))),
		"changes":   appendBytes(nil, 3, []byte(strings.Repeat("\x4a\x02\x32\x00", maxParts+1))),
	} {
		var transaction Transaction
		if err := transaction.Read(message); err == nil {
			t.Errorf("%s: read %+v", name, transaction)
		}
	}
}
