package main

// What was accepted, or waits, when its source is withdrawn.
var withdrawing = []breakage{
	{
		name: "messages gathered before a withdrawal sent after it",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"if q.gen == gen {",
			"if q.gen <= gen {",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Accepted$")},
	},
	{
		name: "held write sent after a withdrawal",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"if q.gen == gen {",
			"if q.gen == gen || q.c.held != nil {",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Held$")},
	},
	{
		name: "refused messages of several datagrams counted as one",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"q.fail(m, q.itemsOf(to), 0, m.count, err)",
			"q.fail(m, q.itemsOf(to), 0, 1, err)",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WritePackets$")},
	},
	{
		name: "write that waited for room sent whatever happened meanwhile",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"m.outdated = m.gen != m.sock.current()",
			"m.outdated = false",
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
			"internal/mmsg/outbatchsend_linux.go",
			"if b.gen != b.sock.current() {",
			"if false {",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WritePackets$")},
	},
	{
		name: "write that waited for another's turn to end sent whatever happened meanwhile",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"return s.raw.Write(m.inTurn)",
			"first := true\n\treturn s.raw.Write(func(fd uintptr) bool {\n\t\tif first {\n\t\t\tfirst = false\n\t\t\treturn m.sendmsg(fd)\n\t\t}\n\t\treturn m.inTurn(fd)\n\t})",
		}},
		by: []selection{
			tests(facts, "^TestWithdrawn_Queueing$/^dsrudp$/^WritePacket$"),
			tests(mmsg, "^TestHeed$"),
		},
	},
	{
		name: "list that waited for another's turn to end sent whatever happened meanwhile",
		edits: []edit{{
			"internal/mmsg/outbatchsend_linux.go",
			"if err := b.sock.raw.Write(b.send); err != nil {",
			"first := true\n\tif err := b.sock.raw.Write(func(fd uintptr) bool {\n\t\tif first {\n\t\t\tfirst, b.gen = false, b.sock.current()\n\t\t}\n\t\treturn b.send(fd)\n\t}); err != nil {",
		}},
		by: []selection{
			tests(facts, "^TestWithdrawn_Queueing$/^dsrudp$/^WritePackets$"),
			tests(mmsg, "^TestHeed$"),
		},
	},
	{
		name: "write given up after each wait",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"m.outdated = m.gen != m.sock.current()",
			"m.outdated = m.errno != 0",
		}},
		by: []selection{tests(mmsg, "^TestHeed$")},
	},
	{
		name: "socket not told whose generation to heed",
		edits: []edit{{
			"dsrudp/setup.go",
			"\t\tc.sock.Heed(c.guard.Generation)\n",
			"",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$")},
	},
	{
		name: "Server's answers that waited for room not looked at again",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"if q.gen == gen {",
			"if q.gen == gen || q.c.served.Load() {",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_ServerWaiting$")},
	},
}
