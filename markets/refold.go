package markets

// Refold leaves the orders and records with the keys the fold of what is executed of the log, as
// a transition does: what the log does not make is deleted.
func Refold(b Book, chain, market string, keys []string) error {
	f, err := Transition{Kind: RollbackTransition, Chain: chain, Market: market}.refolder(b)
	if err != nil {
		return err
	}
	var records concerns
	for _, key := range keys {
		records = append(records, concern{key: key})
	}
	if err := f.refoldOrders(keys); err != nil {
		return err
	}
	return f.foldRecords(records)
}

// refolder is a folder of what is executed, and no more.
func (t Transition) refolder(b Book) (folder, error) {
	f, err := t.folder(b)
	delete(f.executed, t.Stream)
	return f, err
}
