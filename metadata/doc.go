// Package metadata fetches the JSON documents to which records refer by URI, such as those of
// IMart's galleries, beside the streams: nothing waits for it.
//
// Guarantees:
//   - Each URI is fetched by the owner of its record's chain, at most a few at a time, and
//     stored under the URI in the collection metadata: fetched, or failed and tried again after
//     a pause that doubles from a minute to a day. A failed database delays it, and nothing else.
//   - Only JSON objects of at most 1 MiB are kept, read within 10 s.
//   - Whatever people write on a chain, no request reaches an address that is not public:
//     addresses are checked when connections are made, after names are resolved, of redirects
//     too (at most three). A proxy is not used.
//
// A record that a reorganisation takes back leaves its metadata: it is about the URI alone.
//
//	ipfs://QmHall/1.json   with the gateway https://ipfs.example.com
//	→ GET https://ipfs.example.com/ipfs/QmHall/1.json
//	→ {_id: "ipfs://QmHall/1.json", state: "fetched", status: 200, bytes: 321, json: "{…}", …}
//
//	https://intranet.example.com/x, which resolves to 10.0.0.7
//	→ {…, state: "failed", reason: "10.0.0.7 is not a public address", attempts: 1, nextAt: …}
package metadata
