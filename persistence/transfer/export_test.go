package transfer

// InBatchesOf makes a copy's batches smaller.
func InBatchesOf(n int, c Copy) *Copy {
	c.batch = n
	return &c
}
