package markets

// Refold makes the orders and records with the keys the fold of the executed part of the
// log, as a transition does. Those that the log does not yield are deleted.
func Refold(b Book, chain, market string, keys []string) error {
	t := Transition{Kind: RollbackTransition, Chain: chain, Market: market}
	f, err := t.folder(b)
	if err != nil {
		return err
	}
	delete(f.executed, t.Stream) // it is of no stream
	var records concerns
	for _, key := range keys {
		records = append(records, concern{key: key})
	}
	if err := f.refoldOrders(keys); err != nil {
		return err
	}
	return f.foldRecords(records)
}
