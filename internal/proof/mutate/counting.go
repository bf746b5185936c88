package main

// What is counted, and once.
var counting = []breakage{
	{
		name: "message that ended a prefix counted twice",
		edits: []edit{{
			"dsrudp/writebatch.go",
			"n, err = q.failed[0].item, q.failed[0].err",
			"n, err = q.failed[0].item, c.writeError(q.failed[0].err, nil)",
		}},
		by: []selection{tests(public, "^TestWriteBatchCountsOnce$")},
	},
	{
		name: "message that was not to wait for room counted as failed",
		edits: []edit{{
			"dsrudp/stats.go",
			"errors.As(err, &kernels) && !mmsg.WouldBlock(err):",
			"errors.As(err, &kernels):",
		}},
		by: []selection{tests(facts, "^TestK8_4_NoRoomNotCounted$")},
	},
	{
		name: "message whose deadline passed counted as failed",
		edits: []edit{{
			"dsrudp/stats.go",
			"errors.As(err, &kernels) && !mmsg.WouldBlock(err):",
			"errors.As(err, &kernels) && !mmsg.WouldBlock(err), errors.Is(err, os.ErrDeadlineExceeded):",
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
