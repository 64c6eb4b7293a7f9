package faults

// webSocketKinds are faults of subscriptions.
func webSocketKinds() []Kind {
	heads := number("heads", 20, "how many heads a subscription gets before")
	methods := []string{newHeads}
	return []Kind{
		{Name: "ws-silent", Chain: "evm", Does: "stops sending new heads, without an error", Methods: methods, build: silence,
			Params: []Param{heads, word("what", "heads", "heads only, or everything on the connection", "heads", "all")}},
		{Name: "ws-drop", Chain: "evm", Does: "drops the connection", Methods: methods, build: dropSocket, Params: []Param{heads}},
		{Name: "ws-duplicate", Chain: "evm", Does: "sends a head twice", Methods: methods, build: duplicateHeads},
		{Name: "ws-unordered", Chain: "evm", Does: "sends a head after its successor", Methods: methods, build: reorderHeads},
	}
}

func silence(p params) hooks {
	after, all := p.number("heads"), p.word("what") == "all"
	return hooks{heads: func(t *turn, sub *subscription, head []byte) [][]byte {
		if sub.sent < after || !t.hit() {
			return [][]byte{head}
		}
		if all {
			sub.socket.muted.Store(true)
		}
		return nil
	}}
}

func dropSocket(p params) hooks {
	after := p.number("heads")
	return hooks{heads: func(t *turn, sub *subscription, head []byte) [][]byte {
		if sub.sent < after || !t.hit() {
			return [][]byte{head}
		}
		_ = sub.socket.conn.CloseNow()
		return nil
	}}
}

func duplicateHeads(params) hooks {
	return hooks{heads: func(t *turn, _ *subscription, head []byte) [][]byte {
		if !t.hit() {
			return [][]byte{head}
		}
		return [][]byte{head, head}
	}}
}

func reorderHeads(params) hooks {
	return hooks{heads: func(t *turn, sub *subscription, head []byte) [][]byte {
		if held := sub.held[t.rule]; held != nil {
			delete(sub.held, t.rule)
			return [][]byte{head, held}
		}
		if !t.hit() {
			return [][]byte{head}
		}
		sub.held[t.rule] = head
		return nil
	}}
}
