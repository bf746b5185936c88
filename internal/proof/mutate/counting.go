package main

// What is counted, and once.
var counting = []breakage{
	{
		name: "message that ended a prefix counted twice",
		edits: []edit{{
			"dsrudp/fallback.go",
			"if q.prefix && m.item > 0 {",
			"if q.prefix && m.item < 0 {",
		}},
		by: []selection{tests(public, "^TestWriteBatchCountsOnce$")},
	},
	{
		name: "message that was not to wait for room counted as failed",
		edits: []edit{{
			"dsrudp/flush.go",
			"errors.Is(err, net.ErrClosed) || mmsg.WouldBlock(err)",
			"errors.Is(err, net.ErrClosed)",
		}},
		by: []selection{tests(facts, "^TestK8_4_NoRoomNotCounted$")},
	},
	{
		name: "message whose deadline passed counted as failed",
		edits: []edit{{
			"dsrudp/flush.go",
			"return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)",
			"return errors.Is(err, os.ErrProcessDone) || errors.Is(err, net.ErrClosed)",
		}},
		by: []selection{tests(facts, "^TestK8_4_NoRoomNotCounted$")},
	},
	{
		name: "error queue taken for datagrams",
		edits: []edit{{
			"dsrudp/readbatch.go",
			"if d.Flags&mmsg.FlagErrQueue == 0 {",
			"if d.Flags >= mmsg.FlagErrQueue*0 {",
		}},
		by: []selection{tests(public, "^TestReadBatchErrorQueue$")},
	},
	{
		name: "drops before adoption counted",
		edits: []edit{{
			"dsrudp/adopt.go",
			"\tconn.count.drops.total = 0\n",
			"",
		}},
		by: []selection{tests(public, "^TestAdoptDropped$")},
	},
}
