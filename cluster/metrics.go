package cluster

// Metrics is told what happens to a node. Its methods return immediately.
type Metrics interface {
	// Owned and Released say that the node owns a chain from now on, or no longer.
	Owned(chain string, epoch int64)
	Released(chain string)
	// TakenOver says that a chain that is owned now was a dead node's, and HandedOver
	// that one was given to another node.
	TakenOver()
	HandedOver()
	// DeclaredDead says that this node has declared another one dead, and Rejoined that
	// it was declared dead itself and has joined again.
	DeclaredDead()
	Rejoined()
	// Heartbeat says that a heartbeat has reached the registry, and Members how many
	// nodes there are in each state.
	Heartbeat()
	Members(byState map[string]int)
}

// noMetrics counts nothing.
type noMetrics struct{}

func (noMetrics) Owned(string, int64)    {}
func (noMetrics) Released(string)        {}
func (noMetrics) TakenOver()             {}
func (noMetrics) HandedOver()            {}
func (noMetrics) DeclaredDead()          {}
func (noMetrics) Rejoined()              {}
func (noMetrics) Heartbeat()             {}
func (noMetrics) Members(map[string]int) {}
