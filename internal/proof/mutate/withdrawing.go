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
			"q.fail(m, q.itemsOf(q.next), 0, m.count, err)",
			"q.fail(m, q.itemsOf(q.next), 0, 1, err)",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WritePackets$")},
	},
	{
		name: "write that waited for room sent whatever happened meanwhile",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"m.outdated = m.Gen != m.sock.Generation()",
			"m.outdated = false",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WritePacket$")},
	},
	{
		name: "source of a write that waited for room not looked at again",
		edits: []edit{
			{"dsrudp/send.go", "\tfor {\n\t\to.msg.Gen = c.sock.Generation()\n\t\tall, err := c.appendSource(o, oob, s, t)\n", "\tall, err := c.appendSource(o, oob, s, t)\n\tfor {\n\t\to.msg.Gen = c.sock.Generation()\n"},
		},
		by: []selection{tests(facts, "^TestWithdrawn_Waiting$/^dsrudp$/^WriteMsgUDPAddrPort$")},
	},
	{
		name: "list that waited for room sent whatever happened meanwhile",
		edits: []edit{{
			"internal/mmsg/outbatchsend_linux.go",
			"if b.Gen != b.sock.Generation() {",
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
			"first := true\n\tif err := b.sock.raw.Write(func(fd uintptr) bool {\n\t\tif first {\n\t\t\tfirst, b.Gen = false, b.sock.Generation()\n\t\t}\n\t\treturn b.send(fd)\n\t}); err != nil {",
		}},
		by: []selection{
			tests(facts, "^TestWithdrawn_Queueing$/^dsrudp$/^WritePackets$"),
			tests(mmsg, "^TestHeed$"),
		},
	},
	{
		name: "generation of a write looked at after the guard was asked",
		edits: []edit{{
			"dsrudp/send.go",
			"\t\to.msg.Gen = c.sock.Generation()\n\t\tall, err := c.appendSource(o, oob, s, t)\n",
			"\t\tall, err := c.appendSource(o, oob, s, t)\n\t\to.msg.Gen = c.sock.Generation()\n",
		}},
		by: []selection{tests(public, "^TestWithdrawnAtAnyMoment$/^WritePacket$")},
	},
	{
		name: "generation of what is sent one by one looked at after the guard was asked",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"\t\tq.single.Gen = q.c.sock.Generation()\n\t\toob, err := q.control(q.single.ControlRoom(), &m.s, &m.t, m.ecn)\n",
			"\t\toob, err := q.control(q.single.ControlRoom(), &m.s, &m.t, m.ecn)\n\t\tq.single.Gen = q.c.sock.Generation()\n",
		}},
		by: []selection{tests(public, "^TestWithdrawnAtAnyMoment$/^WritePackets_one_by_one$")},
	},
	{
		name: "generation of a list looked at after the guard was asked",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"\tq.batch.Gen = gen\n",
			"\tdefer func() { q.batch.Gen = q.c.sock.Generation() }()\n",
		}},
		by: []selection{tests(public, "^TestWithdrawnAtAnyMoment$/^WritePackets$")},
	},
	{
		name: "generation of what is gathered looked at after the guard was asked",
		edits: []edit{{
			"dsrudp/batchsender.go",
			"\tgen := q.c.sock.Generation() // before the guard is asked",
			"\tdefer func() { q.gen = q.c.sock.Generation() }()\n\tgen := uint64(1)",
		}},
		by: []selection{tests(public, "^TestWithdrawnAtAnyMoment$/^WritePackets$")},
	},
	{
		name: "write outdated once taken for outdated ever after",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"m.errno, m.outdated = 0, false",
			"m.errno = 0",
		}},
		by: []selection{tests(mmsg, "^TestHeed$")},
	},
	{
		name: "list that is outdated taken for sent",
		edits: []edit{{
			"internal/mmsg/outbatchsend_linux.go",
			"b.done, b.errno = 0, 0",
			"b.errno = 0",
		}},
		by: []selection{tests(mmsg, "^TestHeed$")},
	},
	{
		name: "datagram that is outdated taken for sent",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"n > 0 || err != nil {",
			"n >= 0 || err != nil {",
		}},
		by: []selection{tests(public, "^TestWithdrawnAtAnyMoment$/^WritePackets_one_by_one$")},
	},
	{
		name: "handler told that nothing of a long train leaves, of which a part has left",
		edits: []edit{{
			"dsrudp/serverreply.go",
			"if err != nil && len(rest) < len(b) {",
			"if false {",
		}},
		by: []selection{tests(public, "^TestLongTrainWithdrawn$")},
	},
	{
		name: "write given up after each wait",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"m.outdated = m.Gen != m.sock.Generation()",
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
