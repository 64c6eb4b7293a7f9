package aptos

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestWhatIsKeptOfATransaction(t *testing.T) {
	const text = `{"version":"7","hash":"0x1","timestamp":"1700000000000001","sender":"0x5",
	 "events":[
	  {"guid":{"creation_number":"0","account_address":"0x0"},"sequence_number":"0","type":"0x1::a::B","data":{}},
	  {"guid":{"creation_number":"3","account_address":"0x0abc"},"sequence_number":"9","type":"0xabc::m::E","data":{}}],
	 "changes":[
	  {"type":"write_resource","address":"0x7","data":{"type":"0x4::token::Token","data":{"name":"x"}}},
	  {"type":"write_resource","address":"0x7","data":{"type":"0x3::token::TokenStore","data":{}}},
	  {"type":"write_resource","address":"0x7","data":{"type":"0x1::object::ObjectCore","data":{}}},
	  {"type":"write_resource","address":"0x7","data":{"type":"0xabc::m::Order<0x1::a::B>","data":{}}},
	  {"type":"write_resource","address":"0x7","data":{"type":"0xdef::m::Order","data":{}}},
	  {"type":"write_resource","address":"0x7","data":{"type":"0x1::coin::CoinStore<0x4::token::Token>","data":{}}},
	  {"type":"write_resource","address":"bad","data":{"type":"0x4::token::Token","data":{}}},
	  {"type":"delete_resource","address":"0x7","resource":"0x4::token::Token"},
	  {"type":"write_table_item","handle":"0x7","data":null},
	  {"type":"write_module","address":"0x7","data":{"bytecode":"0x","abi":{}}}]}`
	var wire wireTransaction
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		t.Fatal(err)
	}
	kept, err := wire.parse()
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, r := range kept.ledger.Resources {
		types = append(types, r.Type)
		if r.Address != "0x"+strings.Repeat("0", 63)+"7" {
			t.Errorf("address %s", r.Address)
		}
	}
	want := "0x4::token::Token 0x3::token::TokenStore 0x1::object::ObjectCore 0xabc::m::Order<0x1::a::B>"
	if got := strings.Join(types, " "); got != want {
		t.Errorf("kept %s\nwant %s", got, want)
	}
	if string(kept.ledger.Resources[0].Data) != `{"name":"x"}` || kept.ledger.Sender != "0x"+strings.Repeat("0", 63)+"5" || kept.time.UnixMicro() != 1700000000000001 {
		t.Errorf("kept %+v at %s", kept.ledger, kept.time)
	}
	h, _ := wire.Events[1].handle()
	if index, ok := kept.indices[eventKey{h, 9}]; !ok || index != 1 {
		t.Errorf("index %d, %v", index, ok)
	}
}

// An event without a handle is a module event, however a node leaves the handle out.
func TestEventsWithoutHandle(t *testing.T) {
	for _, guid := range []string{`{}`, `null`, `{"creation_number":"0","account_address":null}`} {
		var e event
		if err := json.Unmarshal([]byte(`{"guid":`+guid+`}`), &e); err != nil {
			t.Errorf("%s: %v", guid, err)
		}
		if h, ok := e.handle(); ok {
			t.Errorf("%s is handle %v", guid, h)
		}
	}
}

func TestResourcesAreBounded(t *testing.T) {
	resources := func(n, size int) int {
		change := fmt.Sprintf(`{"type":"write_resource","address":"0x7","data":{"type":"0x4::token::Token","data":%q}}`, strings.Repeat("x", size))
		text := `{"changes":[` + strings.Repeat(change+",", n-1) + change + `]}`
		var wire wireTransaction
		if err := json.Unmarshal([]byte(text), &wire); err != nil {
			t.Fatal(err)
		}
		kept, err := wire.parse()
		if err != nil {
			t.Fatal(err)
		}
		return len(kept.ledger.Resources)
	}
	if n := resources(1000, 1); n != maxResources {
		t.Errorf("%d resources kept", n)
	}
	if n := resources(20, 100_000); n != 10 {
		t.Errorf("%d resources of 100,000 bytes kept", n)
	}
}
