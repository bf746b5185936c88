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
		name: "Close does not wait for who uses the descriptor",
		edits: []edit{{
			"internal/mmsg/gate.go",
			"for !g.state.CompareAndSwap(gateFree, gateShut) && g.state.Load() != gateShut {",
			"for g.state.Swap(gateShut) == gateShut && false {",
		}},
		by: []selection{tests(mmsg, "^TestGate$")},
	},
	{
		name: "descriptor used by two at once",
		edits: []edit{{
			"internal/mmsg/gate.go",
			"g.state.Load() == gateFree && g.state.CompareAndSwap(gateFree, gateTaken)",
			"g.state.Swap(gateTaken) != gateShut",
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
			"\t\tg.shut()\n",
			"\t\t_ = g\n",
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
		name: "read deadline not seen by a write deadline's gate",
		edits: []edit{{
			"internal/mmsg/life.go",
			"s.conn.SetReadDeadline, &s.life.reads",
			"s.conn.SetReadDeadline, &s.life.writes",
		}},
		by: []selection{tests(mmsg, "^TestOwnDeadline$")},
	},
	{
		name: "full send buffer found again and again, and not waited for",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"\t\tm.waited = false\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestOwnFull$")},
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
			"internal/mmsg/batchsend_linux.go",
			"b.errno != unix.EAGAIN || b.flags&unix.MSG_DONTWAIT != 0 {\n\t\t\treturn b.result()",
			"true {\n\t\t\treturn b.result()",
		}},
		by: []selection{tests(mmsg, "^TestOwnFull$")},
	},
	{
		name: "net asked for each call",
		edits: []edit{{
			"dsrudp/setup.go",
			"if err := c.sock.Own(); err != nil {",
			"if err := error(nil); err != nil {",
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
