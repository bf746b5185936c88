package main

// What is kept after a call, and how much at most.
var keeping = []breakage{
	{
		name: "any number of empty answers kept",
		edits: []edit{{
			"dsrudp/outbox.go",
			" && x.items < maxItems",
			"",
		}},
		by: []selection{tests(public, "^TestOutboxBounded$")},
	},
	{
		name: "buffers kept after ReadPackets",
		edits: []edit{{
			"dsrudp/readpackets.go",
			"\tr.batch.Release(k)\n",
			"",
		}},
		by: []selection{tests(public, "^TestLentBuffers$/^ReadPackets$")},
	},
	{
		name: "buffers kept that no datagram came into",
		edits: []edit{{
			"dsrudp/readpackets.go",
			"r.batch.Release(k)",
			"r.batch.Release(n)",
		}},
		by: []selection{tests(public, "^TestLentBuffers$/^ReadPackets$")},
	},
	{
		name: "buffers kept after ReadBatch",
		edits: []edit{{
			"dsrudp/readbatch.go",
			"\tr.batch.Release(k)\n",
			"",
		}},
		by: []selection{tests(public, "^TestLentBuffers$/^ReadBatch$")},
	},
	{
		name: "pieces of buffers kept after ReadBatch",
		edits: []edit{{
			"internal/mmsg/inbatch_linux.go",
			"clear(b.scatter[i][:cap(b.scatter[i])])",
			"_ = b.scatter[i]",
		}},
		by: []selection{tests(public, "^TestLentBuffers$/^ReadBatch_of_pieces$")},
	},
	{
		name: "buffer kept after ReadFromPath",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"\tm.iov.Base = nil\n",
			"",
		}},
		by: []selection{tests(public, "^TestLentBuffers$/^ReadFromPath$")},
	},
	{
		name: "what failed kept by a pooled sender",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"\tclear(q.failed)\n",
			"",
		}},
		by: []selection{tests(public, "^TestSenderForgets$")},
	},
	{
		name: "more datagrams held than one system call moves",
		edits: []edit{{
			"dsrudp/coalescer.go",
			" || h.out.items == maxBatch {",
			" {",
		}},
		by: []selection{tests(public, "^TestHeldAtMost$")},
	},
}
