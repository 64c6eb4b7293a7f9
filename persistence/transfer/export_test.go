package transfer

// InBatchesOf returns a copy with smaller batches.
func InBatchesOf(n int, c Copy) *Copy {
	c.batch = n
	return &c
}
