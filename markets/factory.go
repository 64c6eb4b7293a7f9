package markets

// Factories say which logs a stream reads whose contracts are announced by logs of other
// contracts, such as the pairs that a factory creates. The chain is asked for the stream's
// topics from any contract; package factories leaves out what is not the stream's.
type Factories struct {
	Names []string // of the factories
	// Contracts are those with fixed addresses, in EIP-55, the announcing ones among them.
	Contracts []string
	// Reads says whether the stream reads a raw event, which has its Announced.
	Reads func(raw *Raw) bool
	// Announces returns the contracts that a raw event announces: of each ContractCreated event
	// that it becomes, the factory and the contract.
	Announces func(raw *Raw) []Announcement
}

// Announcement is a contract that a factory has announced.
type Announcement struct {
	Factory string
	Address [20]byte
}

// Announcement is what a ContractCreated event announces.
func (e Event) Announcement() Announcement {
	a := Announcement{Factory: e.Factory}
	_ = readHex(a.Address[:], e.Contract) // events have addresses
	return a
}
