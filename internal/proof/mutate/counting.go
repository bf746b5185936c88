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
			"dsrudp/counters.go",
			"errors.As(err, &kernels) && !mmsg.WouldBlock(err):",
			"errors.As(err, &kernels):",
		}},
		by: []selection{tests(facts, "^TestK8_4_NoRoomNotCounted$")},
	},
	{
		name: "message whose deadline passed counted as failed",
		edits: []edit{{
			"dsrudp/counters.go",
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
	{
		name: "refused train counted as one datagram",
		edits: []edit{{
			"dsrudp/writepackets.go",
			"c.writeErrors(err, p.datagrams(), ",
			"c.writeErrors(err, 1, ",
		}},
		by: []selection{tests(public, "^TestTrainRefused$")},
	},
	{
		name: "parts of a train that fail after the first not counted",
		edits: []edit{{
			"dsrudp/writepackets.go",
			"\t\tc.countUnsent(f.err, f.n)\n\t\tif p.Err == nil {\n",
			"\t\tif p.Err == nil {\n\t\t\tc.countUnsent(f.err, f.n)\n",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Train$/^WritePackets$")},
	},
	{
		name: "OnError told of each part of a train",
		edits: []edit{{
			"dsrudp/outbox.go",
			"if trains[f.item] {",
			"if false {",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_Train$/^Server$")},
	},
	{
		name: "refusal of an answer that was taken before Close hidden by it",
		edits: []edit{{
			"dsrudp/outbox.go",
			"who(p, c.opError(",
			"who(p, c.writeError(",
		}},
		by: []selection{tests(facts, "^TestWithdrawn_AnswerBeforeClose$")},
	},
	{
		name: "answer that is too long not counted",
		edits: []edit{{
			"dsrudp/replywriter.go",
			"return 0, r.c.unsent(err, 1, ",
			"return 0, r.c.opError(err, ",
		}},
		by: []selection{tests(public, "^TestReplyTooLong$")},
	},
	{
		name: "send that failed for the device not counted",
		edits: []edit{{
			"dsrudp/stats.go",
			"mmsg.Invalid, mmsg.IO}",
			"mmsg.Invalid}",
		}},
		by: []selection{tests(public, "^TestStatsKinds$")},
	},
	{
		name: "send that was invalid not counted",
		edits: []edit{{
			"dsrudp/stats.go",
			"mmsg.Other, mmsg.Invalid,",
			"mmsg.Other,",
		}},
		by: []selection{tests(public, "^TestStatsKinds$")},
	},
	{
		name: "send that failed for an unknown reason not counted",
		edits: []edit{{
			"dsrudp/stats.go",
			"{mmsg.Other, ",
			"{",
		}},
		by: []selection{tests(public, "^TestStatsKinds$")},
	},
	{
		name: "lack of memory not counted as lack of room",
		edits: []edit{{
			"internal/mmsg/errors_unix.go",
			"syscall.ENOBUFS, syscall.ENOMEM:",
			"syscall.ENOBUFS:",
		}},
		by: []selection{tests(public, "^TestStatsKinds$")},
	},
}
