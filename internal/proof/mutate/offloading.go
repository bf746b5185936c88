package main

// Segments, marks, and what is read ahead or held back.
var offloading = []breakage{
	{
		name: "segmentation given up because of a bad source",
		edits: []edit{
			{"dsrudp/batchfallback.go", "case mmsg.TooLong, mmsg.Invalid, mmsg.IO, mmsg.NoBuffer, mmsg.Denied:", "default:"},
			{"dsrudp/batchfallback.go", "if q.sent > 0 && !earlier {", "if !earlier {"},
		},
		by: []selection{tests(public, "^TestMergedBadSource$")},
	},
	{
		name: "segmentation given up because of datagrams that cannot be sent anyway",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"if q.sent > 0 && !earlier {",
			"if (q.sent > 0 || mmsg.KindOf(q.refusal) == mmsg.Invalid) && !earlier {",
		}},
		by: []selection{tests(facts, "^TestK7_1_ErrorsOfTheWay$/^dsrudp$/^blackhole$")},
	},
	{
		name: "word of an earlier datagram taken for that of all which leave together",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"return mmsg.Refused(err)",
			"return false",
		}},
		by: []selection{tests(public, "^TestMergedAfterRefusal$"), tests(public, "^TestTrainAfterRefusal$")},
	},
	{
		name: "word of an earlier datagram not passed on",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"if q.part > 0 || !earlier {",
			"if q.part >= 0 {",
		}},
		by: []selection{tests(public, "^TestMergedAfterRefusal$"), tests(public, "^TestBatchAfterRefusal$")},
	},
	{
		name: "word of an earlier datagram taken for a failed offload",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"if q.sent > 0 && !earlier {",
			"if q.sent > 0 {",
		}},
		by: []selection{tests(public, "^TestMergedAfterRefusal$")},
	},
	{
		name: "datagrams sent one by one instead without the source",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"q.control(q.single.ControlRoom(), &m.s,",
			"q.control(q.single.ControlRoom(), &source{},",
		}},
		by: []selection{tests(public, "^TestOffloadInvalid$")},
	},
	{
		name: "segments that are too long tried again and again",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"q.c.offload.TooLong(remote, m.size)",
			"_ = remote",
		}},
		by: []selection{tests(facts, "^TestK6_4_SegmentsTooLong$")},
	},
	{
		name: "datagrams lost with a device that cannot do segments",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"case mmsg.TooLong, mmsg.Invalid, mmsg.IO, mmsg.NoBuffer, mmsg.Denied:",
			"case mmsg.TooLong, mmsg.Invalid, mmsg.NoBuffer, mmsg.Denied:",
		}},
		by: []selection{tests(public, "^TestOffloadUnable$")},
	},
	{
		name: "device that cannot do segments asked again and again",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"\tcase mmsg.IO:\n\t\tq.c.offload.Unable(remote)\n",
			"",
		}},
		by: []selection{tests(public, "^TestOffloadUnable$")},
	},
	{
		name: "datagrams lost that there is no room for as a group",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			", mmsg.NoBuffer,",
			",",
		}},
		by: []selection{tests(public, "^TestOffloadNoBuffer$")},
	},
	{
		name: "datagrams lost that a filter stops as a group",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"mmsg.NoBuffer, mmsg.Denied:",
			"mmsg.NoBuffer:",
		}},
		by: []selection{tests(public, "^TestOffloadDenied$")},
	},
	{
		name: "groups that a filter stops tried again and again",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"case mmsg.TooLong, mmsg.Denied:",
			"case mmsg.TooLong:",
		}},
		by: []selection{tests(public, "^TestOffloadDenied$")},
	},
	{
		name: "segmentation given up because there was no room once",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"case mmsg.TooLong, mmsg.Denied:",
			"case mmsg.TooLong, mmsg.Denied, mmsg.NoBuffer:",
		}},
		by: []selection{tests(public, "^TestOffloadNoBuffer$")},
	},
	{
		name: "failed offload not counted",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"c.count.offloadFallbacks.Add(1)",
			"c.count.offloadFallbacks.Add(0)",
		}},
		by: []selection{tests(public, "^TestOffloadInvalid$")},
	},
	{
		name: "refused datagrams of a group counted as one",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"q.fail(m, q.itemsOf(q.next), 0, m.count, err)",
			"q.fail(m, q.itemsOf(q.next), 0, 1, err)",
		}},
		by: []selection{tests(public, "^TestMergedBadSource$")},
	},
	{
		name: "train longer than a datagram may be",
		edits: []edit{{
			"dsrudp/batchsender.go",
			"limit := max(1, min(q.c.offload.Limit(t.addr.Addr(), seg), maxPayload/seg))",
			"limit := max(1, q.c.offload.Limit(t.addr.Addr(), seg))",
		}},
		by: []selection{tests(public, "^TestSegmentSize$")},
	},
	{
		name: "NoOffload ignored",
		edits: []edit{{
			"dsrudp/equip.go",
			"if !lc.NoOffload {",
			"if !lc.NoOffload || lc.PathMemory == 0 {",
		}},
		by: []selection{tests(public, "^TestNoOffload$")},
	},
	{
		name: "length of a train's segments lost",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"p.SegmentSize = info.seg //",
			"_ = info.seg //",
		}},
		by: []selection{tests(public, "^TestGRO$")},
	},
	{
		name: "mark lost where a train is taken apart",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"\tr.part.SegmentSize = 0\n",
			"\tr.part.SegmentSize = 0\n\tr.part.ECN = 0\n",
		}},
		by: []selection{tests(public, "^TestTrainSplit$")},
	},
	{
		name: "destination lost where a train is taken apart",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"\tr.part.SegmentSize = 0\n",
			"\tr.part.SegmentSize = 0\n\tr.part.OrigDst = Path{}.Local.Addr()\n",
		}},
		by: []selection{tests(public, "^TestTrainBroadcast$")},
	},
	{
		name: "destination of a train's first datagram only",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"\tr.part.SegmentSize = 0\n",
			"\tr.part.SegmentSize = 0\n\tr.whole.OrigDst = Path{}.Local.Addr()\n",
		}},
		by: []selection{tests(public, "^TestTrainBroadcast$")},
	},
	{
		name: "trains read as datagrams",
		edits: []edit{{
			"dsrudp/refuse.go",
			"\tif c.gro {\n\t\treturn errTrain\n",
			"\tif c.gro && c.strict {\n\t\treturn errTrain\n",
		}},
		by: []selection{tests(public, "^TestGRORefuses$")},
	},
	{
		name: "raw reads of trains",
		edits: []edit{{
			"dsrudp/rawconn.go",
			"\tif r.c.gro || r.c.ahead != nil {\n\t\treturn r.refuse(\"raw-read\"",
			"\tif r.c.ahead != nil {\n\t\treturn r.refuse(\"raw-read\"",
		}},
		by: []selection{tests(public, "^TestGRORefuses$")},
	},
	{
		name: "socket's own differentiated services lost with a mark",
		edits: []edit{{
			"dsrudp/ecn.go",
			"uint8(class)&^uint8(CE)|uint8(ecn)",
			"uint8(class)&0|uint8(ecn)",
		}},
		by: []selection{tests(public, "^TestECNSent$")},
	},
	{
		name: "differentiated services set later not noticed",
		edits: []edit{{
			"dsrudp/rawconn.go",
			"defer r.c.readClasses()",
			"_ = r.c.readClasses",
		}},
		by: []selection{tests(public, "^TestECNClassSetLater$")},
	},
	{
		name: "mark of one family sent as the other's",
		edits: []edit{{
			"dsrudp/ecn.go",
			"pktinfo.AppendClass(oob, v4, ",
			"pktinfo.AppendClass(oob, v4 && c.family == pktinfo.IPv4, ",
		}},
		by: []selection{tests(public, "^TestECNSent$")},
	},
	{
		name: "datagrams read ahead given away after the deadline",
		edits: []edit{{
			"dsrudp/readahead.go",
			"t != nil && !t.After(time.Now())",
			"t != nil && t.After(time.Now().Add(1<<62))",
		}},
		by: []selection{tests(public, "^TestReadAheadEnds$")},
	},
	{
		name: "datagrams read ahead given away after Close",
		edits: []edit{
			{"dsrudp/refuse.go", "\tif c.closed.Load() {\n", "\tif c.closed.Load() && c.strict {\n"},
			{"dsrudp/readahead.go", "\tif a.c.closed.Load() {\n", "\tif a.c.closed.Load() && a.c.strict {\n"},
		},
		by: []selection{tests(public, "^TestReadAheadEnds$")},
	},
	{
		name: "datagram read ahead cut in silence",
		edits: []edit{{
			"dsrudp/readahead.go",
			"\t\tr.Flags |= mmsg.FlagTrunc\n",
			"",
		}},
		by: []selection{tests(public, "^TestReadAheadTruncated$")},
	},
	{
		name: "held write never flushed",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"time.AfterFunc(holdFor, h.expire)",
			"time.AfterFunc(holdFor, func() {})",
		}},
		by: []selection{tests(public, "^TestHeldLeave$")},
	},
	{
		name: "held writes lost on Close",
		edits: []edit{{
			"dsrudp/close.go",
			"\t\tc.held.close()\n",
			"",
		}},
		by: []selection{tests(public, "^TestHeldLeave$")},
	},
	{
		name: "writes never held",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"|| last && h.out.items == 0 ||",
			"|| h.out.items == 0 ||",
		}},
		by: []selection{tests(public, "^TestHeldTogether$")},
	},
	{
		name: "write held after Close",
		edits: []edit{{
			"dsrudp/coalescer.go",
			" || h.c.closed.Load() {",
			" {",
		}},
		by: []selection{tests(public, "^TestHeldAfterClose$")},
	},
	{
		name: "refused writes take memory",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"h.out.uncopy(p)",
			"h.out.items--",
		}},
		by: []selection{tests(public, "^TestHeldRefused$")},
	},
	{
		name: "write with control messages overtakes held ones",
		edits: []edit{{
			"dsrudp/send.go",
			"\t\tc.held.flush()\n\t\treturn false, nil\n",
			"\t\treturn false, nil\n",
		}},
		by: []selection{tests(public, "^TestHeldOrder$/^WriteMsgUDP$")},
	},
	{
		name: "WritePackets overtakes held writes",
		edits: []edit{{
			"dsrudp/writepackets.go",
			"c.held.flush() // what was written before goes before",
			"_ = c.held",
		}},
		by: []selection{tests(public, "^TestHeldOrder$/^WritePackets$")},
	},
	{
		name: "nobody told of a held write that failed",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"if h.tell == nil || len(late) == 0 {",
			"if h.tell == nil || len(late) > 0 {",
		}},
		by: []selection{tests(public, "^TestHeldErrors$")},
	},
	{
		name: "Close waits for room for held writes",
		edits: []edit{{
			"dsrudp/coalescer.go",
			"_ = h.c.sock.SetWriteDeadline(time.Now().Add(holdFor))",
			"_ = time.Now",
		}},
		by: []selection{tests(facts, "^TestK8_4_CloseWhileHeld$")},
	},
	{
		name: "dropped datagrams forgotten with Close",
		edits: []edit{{
			"dsrudp/close.go",
			"c.dropped() // the kernel's count ends with the socket",
			"",
		}},
		by: []selection{tests(public, "^TestStatsDropped$")},
	},
}
