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
			"h.out.push(mmsg.FlagDontWait)",
			"h.out.push(mmsg.FlagDontWait * 0)",
		}},
		by: []selection{tests(facts, "^TestK8_4_ReadWhileHeld$")},
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
			"dsrudp/sender.go",
			"\tif err != nil {\n\t\treturn nil, err\n\t}\n\tq.out.Begin(q.c.to(t), t.scope, oob)\n",
			"\tq.out.Begin(q.c.to(t), t.scope, oob)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n",
		}},
		by: []selection{tests(public, "^TestGroupBadSource$")},
	},
	{
		name: "held write that found no room forgotten",
		edits: []edit{{
			"dsrudp/flush.go",
			"case mmsg.WouldBlock(err) && !q.prefix:\n\t\t\t\treturn false\n",
			"case mmsg.WouldBlock(err) && !q.prefix:\n\t\t\t\tq.next++\n",
		}},
		by: []selection{tests(facts, "^TestK8_4_ReadWhileHeld$")},
	},
}
