package cluster

// Watch is told what happens to a node, for metrics.
type Watch interface {
	// Owned and Released say that a chain is this node's from now on, or is not.
	Owned(chain string, epoch int64)
	Released(chain string)
	// TakenOver says that a chain that is owned now was a dead node's, and HandedOver
	// that one was given up in good order.
	TakenOver()
	HandedOver()
	// Buried says that this node has declared another one dead, and Rejoined that it was
	// itself and has joined again.
	Buried()
	Rejoined()
	// Beat says that a beat has come through, and Members how many nodes there are in
	// each state.
	Beat()
	Members(byState map[string]int)
}

// nobody watches.
type nobody struct{}

func (nobody) Owned(string, int64)    {}
func (nobody) Released(string)        {}
func (nobody) TakenOver()             {}
func (nobody) HandedOver()            {}
func (nobody) Buried()                {}
func (nobody) Rejoined()              {}
func (nobody) Beat()                  {}
func (nobody) Members(map[string]int) {}
