package maintenance

import (
	"context"
	"fmt"
	"slices"
)

// Refold folds orders and records of a market again from the log, as far as its streams are
// executed: those that differ from it are mended, and those that it does not make are deleted.
// Transitions that were interrupted are left to the observers. Refold may be repeated.
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
	for part := range slices.Chunk(keys, portion) {
		m.progress("folding again", done, len(keys))
		if err := w.Refold(ctx, part); err != nil {
			return fmt.Errorf("folding documents of %s/%s again: %w", m.chain, market, err)
		}
		done += len(part)
	}
	return nil
}
