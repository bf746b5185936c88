package main

// Reads while writes are held back.
var holding = []breakage{
	{
		name: "reader waits for another who waits for room",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"if !h.mu.TryLock() {",
			"if h.mu.Lock(); false {",
		}},
		by: []selection{tests(facts, "^TestK8_4_ReadWhileHeld$")},
	},
	{
		name: "reader waits for room for held writes",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"if h.out.push(false) {\n\t\t\tlate",
			"if h.out.push(true) {\n\t\t\tlate",
		}},
		by: []selection{tests(facts, "^TestK8_4_ReadWhileHeld$")},
	},
	{
		name: "reader waits for another's write to send what is held",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"return b.TryRange(from, to)",
			"return b.SendRange(from, to, 0)",
		}},
		by: []selection{tests(public, "^TestHeldReaderWaitsForNobody$/^deadline$")},
	},
	{
		name: "reader sends one by one what is held, and waits for it",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"len(q.scratch))], wait)",
			"len(q.scratch))], true)",
		}},
		by: []selection{tests(public, "^TestHeldReaderWaitsForNobody$/^one_by_one$")},
	},
	{
		name: "what is sent one by one begun anew after a wait",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"for ; q.part < m.count; q.part++ {",
			"for q.part = 0; q.part < m.count; q.part++ {",
		}},
		by: []selection{tests(public, "^TestOneByOneGoesOn$")},
	},
	{
		name: "next message taken for one that is sent one by one",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"q.refusal, q.part, q.sent = nil, 0, 0",
			"q.part, q.sent = 0, 0",
		}},
		by: []selection{tests(public, "^TestOneByOneGoesOn$")},
	},
	{
		name: "Close waits its turn to send what is held, and its time is over then",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"if !h.out.push(false) {\n\t\th.out",
			"if true {\n\t\th.out",
		}},
		by: []selection{tests(public, "^TestHeldCloseWaitsForNobody$")},
	},
	{
		name: "OnWriteError called on the goroutine of who reads or writes",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"go h.c.tell(late, h.tell)",
			"h.c.tell(late, h.tell)",
		}},
		by: []selection{tests(public, "^TestOnWriteErrorLocks$")},
	},
	{
		name: "refused datagram left among those to be sent",
		edits: []edit{{
			"dsrudp/batchsender.go",
			"\tif err != nil {\n\t\treturn nil, err\n\t}\n\tq.batch.Begin(q.c.sockaddr(t), t.scope, oob)\n",
			"\tq.batch.Begin(q.c.sockaddr(t), t.scope, oob)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n",
		}},
		by: []selection{tests(public, "^TestMergedBadSource$")},
	},
	{
		name: "held write that found no room forgotten",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"case !wait && mmsg.WouldBlock(err):\n\t\treturn false\n",
			"case !wait && mmsg.WouldBlock(err):\n\t\tq.next++\n",
		}},
		by: []selection{tests(facts, "^TestK8_4_ReadWhileHeld$")},
	},
}
