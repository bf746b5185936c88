package main

// A socket of one's own, whose descriptor is used without asking net.
var owning = []breakage{
	{
		name: "Close leaves the way around net open",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\ts.life.end()\n\treturn",
			"\treturn",
		}},
		by: []selection{tests(mmsg, "^TestOwnClosed$")},
	},
	{
		name: "Close asks net first",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\ts.life.end()\n\treturn s.conn.Close()",
			"\terr := s.conn.Close()\n\ts.life.end()\n\treturn err",
		}},
		by: []selection{tests(mmsg, "^TestCloseWaits$")},
	},
	{
		name: "Close does not wait for who reads",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\tl.reads.shut()\n\tl.writes",
			"\tl.writes",
		}},
		by: []selection{tests(mmsg, "^TestCloseWaits$")},
	},
	{
		name: "Close does not wait for who writes",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\tl.writes.shut()\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestCloseWaits$")},
	},
	{
		name: "shut does not wait for who is inside",
		edits: []edit{{
			"internal/mmsg/gate.go",
			"g.state.Load() != 0 {",
			"false {",
		}},
		by: []selection{tests(mmsg, "^TestGate$")},
	},
	{
		name: "shut waits for a moment when nobody is inside",
		edits: []edit{{
			"internal/mmsg/gate.go",
			"\tg.close()\n\tfor g.state.Load() != 0 {",
			"\tfor g.state.Load() != 0 && !g.state.CompareAndSwap(gateOpen, 0) {",
		}},
		by: []selection{tests(mmsg, "^TestGateNotHeldOpen$")},
	},
	{
		name: "deadline set while somebody goes around net",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\tfor _, g := range gates {\n\t\tg.close() // who is inside came before the deadline, or meets with it in net\n\t}\n\terr := set(t)\n",
			"\terr := set(t)\n\tfor _, g := range gates {\n\t\tg.close()\n\t}\n",
		}},
		by: []selection{tests(mmsg, "^TestDeadlineShutsFirst$")},
	},
	{
		name: "deadline waits for who goes around net",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\t\tg.close() //",
			"\t\tg.shut() //",
		}},
		by: []selection{tests(mmsg, "^TestDeadlineDoesNotWait$")},
	},
	{
		name: "deadlines set by two at once",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\ts.life.mu.Lock()\n\tdefer s.life.mu.Unlock()\n\tfor",
			"\tfor",
		}},
		by: []selection{tests(mmsg, "^TestDeadlineShutsFirst$")},
	},
	{
		name: "gate opened by a deadline that was not set",
		edits: []edit{{
			"internal/mmsg/life.go",
			"err == nil && t.IsZero()",
			"t.IsZero()",
		}},
		by: []selection{tests(mmsg, "^TestDeadlineNotSet$")},
	},
	{
		name: "gate in the cache line of what is read beside it",
		edits: []edit{{
			"internal/mmsg/gate.go",
			"\t_     [60]byte\n\tstate",
			"\tstate",
		}},
		by: []selection{tests(mmsg, "^TestGateAlone$")},
	},
	{
		name: "descriptor used by two at once",
		edits: []edit{{
			"internal/mmsg/gate.go",
			"g.state.Load() == gateOpen && g",
			"g.state.Load()&gateOpen != 0 || g",
		}},
		by: []selection{tests(mmsg, "^TestGate$")},
	},
	{
		name: "way around net open again after Close",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\tl.owned = false\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestOwnAsks$")},
	},
	{
		name: "way around net opened by a deadline taken back where the descriptor is somebody else's",
		edits: []edit{{
			"internal/mmsg/life.go",
			"t.IsZero() && s.life.owned {",
			"t.IsZero() {",
		}},
		by: []selection{tests(mmsg, "^TestOwnAsks$")},
	},
	{
		name: "deadlines not seen by calls that need not wait",
		edits: []edit{{
			"internal/mmsg/life.go",
			"\t\tg.close() //",
			"\t\t_ = g //",
		}},
		by: []selection{tests(mmsg, "^TestOwnDeadline$")},
	},
	{
		name: "way around net open though a deadline is set",
		edits: []edit{{
			"internal/mmsg/life.go",
			"err == nil && t.IsZero() && s",
			"err == nil && s",
		}},
		by: []selection{tests(mmsg, "^TestOwnDeadline$")},
	},
	{
		name: "way around net shut for ever by a deadline",
		edits: []edit{{
			"internal/mmsg/life.go",
			"err == nil && t.IsZero()",
			"err != nil && t.IsZero()",
		}},
		by: []selection{tests(mmsg, "^TestOwnAsks$")},
	},
	{
		name: "read deadline shuts the gate of writes",
		edits: []edit{{
			"internal/mmsg/life.go",
			"s.conn.SetReadDeadline, &s.life.reads",
			"s.conn.SetReadDeadline, &s.life.writes",
		}},
		by: []selection{tests(mmsg, "^TestOwnDeadline$")},
	},
	{
		name: "who had to wait tries first without waiting",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"!m.waits && g.enter()",
			"g.enter()",
		}},
		by: []selection{tests(mmsg, "^TestOwnWaits$")},
	},
	{
		name: "who had to wait once asks net ever after",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"\tm.waits = false\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestOwnWaits$")},
	},
	{
		name: "batch with no room left lost",
		edits: []edit{{
			"internal/mmsg/outbatchsend_linux.go",
			"if b.directly() && (b.errno != unix.EAGAIN || b.flags&unix.MSG_DONTWAIT != 0) {",
			"if b.directly() {",
		}},
		by: []selection{tests(mmsg, "^TestHeed$")},
	},
	{
		name: "net asked for each call",
		edits: []edit{{
			"dsrudp/listen.go",
			"err = c.sock.Own() // nobody else has uc",
			"err = nil",
		}},
		by: []selection{tests(public, "^TestOwnSocket$")},
	},
	{
		name: "adopted socket used without asking net",
		edits: []edit{{
			"dsrudp/adopt.go",
			"\tconn.connected = connected\n",
			"\tconn.connected = connected\n\tconn.sock.Own()\n",
		}},
		by: []selection{tests(public, "^TestAdoptedThenClosed$")},
	},
}
