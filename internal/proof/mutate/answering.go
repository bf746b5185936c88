package main

// ReplyWriters that outlive their call, and what goes on beside a Server.
var answering = []breakage{
	{
		name: "ReplyWriter of an earlier batch good again",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"func (r *serverReader) serve(n int) {\n",
			"func (r *serverReader) serve(n int) {\n\tr.turn.Store(0)\n",
		}},
		by: []selection{tests(public, "^TestReplyWriterKeptOverBatches$")},
	},
	{
		name: "ReplyWriter good until the next batch",
		edits: []edit{
			{"dsrudp/serverreader.go", "\t\tturn = r.turn.Add(1)\n", ""},
			{"dsrudp/serverreader.go", "func (r *serverReader) serve(n int) {\n", "func (r *serverReader) serve(n int) {\n\tr.turn.Add(1)\n"},
		},
		by: []selection{tests(public, "^TestReplyWriterKeptOverBatches$")},
	},
	{
		name: "ReplyWriter good until the next datagram is looked at",
		edits: []edit{
			{"dsrudp/serverreader.go", "\t\tturn = r.turn.Add(1)\n", ""},
			{"dsrudp/serverreader.go", "\t\tp := r.packet()\n", "\t\tturn = r.turn.Add(1)\n\t\tp := r.packet()\n"},
		},
		by: []selection{tests(public, "^TestReplyWriterEndsAtOnce$")},
	},
	{
		name: "answers lost when the handler ends the goroutine",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"\tdefer r.flush()\n",
			"",
		}},
		by: []selection{tests(public, "^TestGoexitAnswers$")},
	},
	{
		name: "raw reads beside a Server wait for it to end",
		edits: []edit{{
			"dsrudp/rawconn.go",
			"if err := r.c.refusesServed(); err != nil {",
			"if err := r.c.refusesServed(); err != nil && r.c.strict {",
		}},
		by: []selection{tests(public, "^TestServedRaw$/^SyscallConn")},
	},
	{
		name: "reads of nothing beside a Server wait for it to end",
		edits: []edit{{
			"dsrudp/read.go",
			"\t\tif err := c.refusesReads(); err != nil {",
			"\t\tif err := c.refusesReads(); err != nil && c.strict {",
		}},
		by: []selection{tests(public, "^TestServedRaw$/^Read.nil.$")},
	},
	{
		name: "raw writes beside a Server refused",
		edits: []edit{{
			"dsrudp/rawconn.go",
			"\treturn r.RawConn.Write(f)",
			"\tif err := r.c.refusesServed(); err != nil {\n\t\treturn err\n\t}\n\treturn r.RawConn.Write(f)",
		}},
		by: []selection{tests(public, "^TestServedRaw$")},
	},
	{
		name: "deadline of a Server that is never idle not looked at",
		edits: []edit{{
			"internal/mmsg/loop_linux.go",
			"const maxFull = 16",
			"const maxFull = 1 << 40",
		}},
		by: []selection{tests(public, "^TestServedDeadlineBusy$")},
	},
	{
		name: "end of a train that is copied in parts left out",
		edits: []edit{{
			"dsrudp/serverreply.go",
			"\t\trest = rest[n:]\n",
			"\t\trest = rest[len(rest):]\n",
		}},
		by: []selection{tests(public, "^TestReplyLongTrain$")},
	},
	{
		name: "train that is copied in parts cut within a datagram",
		edits: []edit{{
			"dsrudp/serverreply.go",
			"arenaSize / p.SegmentSize * p.SegmentSize",
			"arenaSize",
		}},
		by: []selection{tests(public, "^TestReplyLongTrain$")},
	},
}
