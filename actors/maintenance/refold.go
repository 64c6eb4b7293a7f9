package maintenance

import (
	"context"
	"fmt"
	"slices"
)

// Refold folds orders and records of a market again from the executed part of the log.
// Documents that differ are replaced, and those that the log does not yield are deleted.
// Interrupted transitions are left to the observers. Refold is idempotent.
func (m *Maintainer) Refold(ctx context.Context, market string, keys []string) error {
	observers, err := observersOf(ctx, m.store, m.chain, Scope{Market: market})
	if err != nil {
		return err
	}
	if len(observers) == 0 {
		return unknownStream(m.chain)
	}
	w, err := m.writer(ctx, market)
	if err != nil {
		return err
	}
	done := 0
	for chunk := range slices.Chunk(keys, m.portion()) {
		m.progress("refolding", done, len(keys))
		if err := w.Refold(ctx, chunk); err != nil {
			return fmt.Errorf("refolding documents of %s/%s: %w", m.chain, market, err)
		}
		done += len(chunk)
	}
	return nil
}
