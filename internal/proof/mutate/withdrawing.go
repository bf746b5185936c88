package main

// What was accepted, or waits, when its source is withdrawn.
var withdrawing = []breakage{
	{
		name: "messages gathered before a withdrawal sent after it",
		edits: []edit{{
			"dsrudp/flush.go",
			"if q.gen == gen {",
			"if q.gen <= gen {",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Accepted$")},
	},
	{
		name: "held write sent after a withdrawal",
		edits: []edit{{
			"dsrudp/flush.go",
			"if q.gen == gen {",
			"if q.gen == gen || q.c.held != nil {",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Held$")},
	},
	{
		name: "refused messages of several datagrams counted as one",
		edits: []edit{{
			"dsrudp/flush.go",
			"q.fail(m, q.itemsOf(to), 0, m.count, err)\n\t\t\tq.next++",
			"q.fail(m, q.itemsOf(to), 0, 1, err)\n\t\t\tq.next++",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WritePackets$")},
	},
	{
		name: "write that waited for room sent whatever happened meanwhile",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"m.waited = true",
			"m.waited = false",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WritePacket$")},
	},
	{
		name: "source of a write that waited for room not looked at again",
		edits: []edit{
			{"dsrudp/send.go", "\tfor {\n\t\tall, err := c.appendSource(o, oob, s, t)\n", "\tall, err := c.appendSource(o, oob, s, t)\n\tfor {\n"},
		},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WriteMsgUDPAddrPort$")},
	},
	{
		name: "list that waited for room sent whatever happened meanwhile",
		edits: []edit{{
			"internal/mmsg/batchsend_linux.go",
			"b.waited = b.Wary",
			"b.waited = b.Wary && b.done < 0",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WritePackets$")},
	},
	{
		name: "Server's answers that waited for room not looked at again",
		edits: []edit{{
			"dsrudp/flush.go",
			"if q.gen == gen {",
			"if q.gen == gen || q.c.served.Load() {",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_ServerWaiting$")},
	},
}
