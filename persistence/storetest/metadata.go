package storetest

import (
	"time"

	"github.com/imart/event-worker/persistence"
)

func metadataOf(uri string) persistence.Metadata {
	tried, next := at(7), at(67)
	return persistence.Metadata{ID: uri, State: persistence.MetadataFailed, Status: 503, Reason: "503 Service Unavailable", Attempts: 1, TriedAt: tried, NextAt: &next}
}

var metadataTests = []test{
	{"IsReplaced", func(s *suite) {
		a, b := metadataOf("ipfs://a"), metadataOf("https://b.example.com/?x=1")
		s.must(s.store.PutMetadata(s.Context(), a))
		s.must(s.store.PutMetadata(s.Context(), b))
		found := a.TriedAt.Add(time.Hour)
		a.State, a.Status, a.Reason, a.NextAt, a.FetchedAt = persistence.MetadataFetched, 200, "", nil, &found
		a.Attempts, a.JSON, a.Bytes = 2, `{"$ref":"x","a.b":{"":[1e400,-0]},"name":"Hall \u0000 <&>"}`, 99
		s.must(s.store.PutMetadata(s.Context(), a))
		s.must(s.store.PutMetadata(s.Context(), a)) // again, as after an unknown outcome
		s.same("documents", all[persistence.Metadata](s, persistence.MetadataDocs), []persistence.Metadata{b, a})
	}},
}
