package rawdata

import "google.golang.org/protobuf/encoding/protowire"

// Append appends the request to a message.
func (r Request) Append(b []byte) []byte {
	b = appendVarint(b, 1, r.Start) // an optional field: there even if it is 0
	if r.Count > 0 {
		b = appendVarint(b, 2, r.Count)
	}
	if r.Batch > 0 {
		b = appendVarint(b, 3, r.Batch)
	}
	return b
}

// Append appends the response to a message.
func (r Response) Append(b []byte) []byte {
	for _, t := range r.Transactions {
		b = appendBytes(b, 1, t)
	}
	return appendVarint(b, 2, r.ChainID)
}

// Append appends the transaction to a message, as one of a user if it has a sender, and
// else as one of a block's metadata.
func (t Transaction) Append(b []byte) []byte {
	var stamp, info, content []byte
	stamp = appendVarint(stamp, 1, uint64(t.Micros/1_000_000))
	stamp = appendVarint(stamp, 2, uint64(t.Micros%1_000_000*1000))
	info = appendBytes(info, 1, t.Hash)
	for _, r := range t.Resources {
		change := appendVarint(nil, 1, 5) // TYPE_WRITE_RESOURCE
		info = appendBytes(info, 9, appendBytes(change, 6, r))
	}
	kind := protowire.Number(7)
	if len(t.Sender) > 0 {
		kind, content = user, appendBytes(nil, 1, appendBytes(nil, 1, t.Sender))
	}
	for _, e := range t.Events {
		content = appendBytes(content, events[kind], e.append(nil))
	}
	b = appendBytes(b, 1, stamp)
	b = appendVarint(b, 2, uint64(t.Version))
	b = appendBytes(b, 3, info)
	return appendBytes(b, kind, content)
}

func (e Event) append(b []byte) []byte {
	var key []byte
	key = appendVarint(key, 1, e.Creation)
	key = appendBytes(key, 2, e.Account)
	b = appendBytes(b, 1, key)
	b = appendVarint(b, 2, uint64(e.Sequence))
	b = appendBytes(b, 5, e.Type)
	return appendBytes(b, 4, e.Data)
}

// Append appends the resource to a message.
func (r Resource) Append(b []byte) []byte {
	b = appendBytes(b, 1, []byte(r.Address))
	b = appendBytes(b, 4, []byte(r.Type))
	return appendBytes(b, 5, r.Data)
}

func appendVarint(b []byte, number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
}

func appendBytes(b []byte, number protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
}
