package persistence

import "context"

// Snapshots answers several queries as of one moment, as both stores do.
type Snapshots interface {
	// Snapshot calls do with the snapshot that all of its queries read. It may call do
	// again if that fails. The snapshot must not be used afterwards, nor by two goroutines.
	Snapshot(ctx context.Context, do func(Querier) error) error
}

// AsOfOneMoment calls do with docs, or with a snapshot of them if there can be one.
func AsOfOneMoment(ctx context.Context, docs Querier, do func(Querier) error) error {
	if s, ok := docs.(Snapshots); ok {
		return s.Snapshot(ctx, do)
	}
	return do(docs)
}
