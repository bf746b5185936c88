package main

// Several datagrams at a time.
var batches = []breakage{
	{
		name: "tail of a list dropped after a failed message",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"if q.prefix && len(q.failed) > 0 {",
			"if len(q.failed) > 0 {",
		}},
		by: []selection{tests(public, "^TestWritePacketsTriesAll$")},
	},
	{
		name: "list sent again from its beginning after a partial send",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"q.transmit(q.batch, q.next, to, wait)",
			"q.transmit(q.batch, 0*q.next, to, wait)",
		}},
		by: []selection{tests(public, "^TestWritePacketsTriesAll$")},
	},
	{
		name: "prefix contract of WriteBatch broken",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"if q.prefix && len(q.failed) > 0 {",
			"if q.prefix && len(q.failed) > 1 {",
		}},
		by: []selection{tests(public, "^TestWriteBatchPrefix$")},
	},
	{
		name: "prefix contract of WriteBatch broken in a group sent one by one",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"\t\tif q.prefix {\n\t\t\tbreak\n\t\t}\n",
			"",
		}},
		by: []selection{tests(facts, "^TestBatch_PrefixInGroup$")},
	},
	{
		name: "messages behind a failed one left for the next sender",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"func (q *batchSender) forget() {\n\tq.reset()\n",
			"func (q *batchSender) forget() {\n\tq.next = 0\n",
		}},
		by: []selection{tests(public, "^TestWriteBatchPrefix$")},
	},
	{
		name: "WriteBatch on a connected socket does not know the peer",
		edits: []edit{{
			"dsrudp/writebatch.go",
			"ok, t.addr = addr == nil, c.peer",
			"ok = addr == nil",
		}},
		by: []selection{tests(public, "^TestWriteBatchConnected$")},
	},
	{
		name: "pieces of a message that find no room left out",
		edits: []edit{{
			"dsrudp/batchsender.go",
			"buffers = [][]byte{slices.Concat(buffers...)}",
			"buffers = slices.Clip(buffers)",
		}},
		by: []selection{tests(public, "^TestWriteBatchPieces$")},
	},
	{
		name: "caller's control messages overwritten by a flush",
		edits: []edit{{
			"dsrudp/batchfallback.go",
			"q.control(q.single.ControlRoom(), &m.s",
			"q.control(q.o.oob[:0], &m.s",
		}},
		by: []selection{tests(public, "^TestWriteBatchControl$")},
	},
	{
		name: "error of an earlier list kept in a Packet",
		edits: []edit{{
			"dsrudp/writepackets.go",
			"p.Err = nil\n",
			"_ = p.Err\n",
		}},
		by: []selection{tests(public, "^TestWritePacketsTriesAll$")},
	},
	{
		name: "Truncated not set",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"p.Truncated = flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0",
			"p.Truncated = flags&mmsg.FlagCtrunc != 0",
		}},
		by: []selection{tests(public, "^TestReadPacketsTruncated$")},
	},
	{
		name: "OrigDst not set",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"a.orig = info.Dst\n",
			"_ = info.Dst\n",
		}},
		by: []selection{tests(public, "^TestPacketsBroadcast$")},
	},
	{
		name: "Path of the datagram before kept for another client",
		edits: []edit{{
			"internal/mmsg/inbatch_linux.go",
			" && b.names[i].equal(&b.names[i-1], n)",
			"",
		}},
		by: []selection{tests(public, "^TestPacketsOneVIP$")},
	},
	{
		name: "namelen not reset",
		edits: []edit{{
			"internal/mmsg/inbatch_linux.go",
			"h.Namelen = uint32(len(b.names[i]))",
			"h.Namelen = max(h.Namelen, 0)",
		}},
		by: []selection{tests(mmsg, "^TestBatchRearm$")},
	},
	{
		name: "controllen not reset",
		edits: []edit{{
			"internal/mmsg/inbatch_linux.go",
			"\t\th.SetControllen(b.room)\n",
			"\t\tif h.Controllen == 0 {\n\t\t\th.SetControllen(b.room)\n\t\t}\n",
		}},
		by: []selection{tests(mmsg, "^TestBatchRearm$")},
	},
	{
		name: "pieces with a gap between them taken for one",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"&l[:len(l)+1][len(l)] == &p[0]",
			"&l[:cap(l)][min(len(l)+1, cap(l)-1)] == &p[0]",
		}},
		by: []selection{tests(mmsg, "^TestBatchAppend$")},
	},
	{
		name: "vectors of a message left behind when it moves",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"\tcopy(b.iovs[b.niov:], b.iovs[x.at:x.at+n])\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestBatchAppendTo$")},
	},
	{
		name: "vector of another message taken for room behind one's own",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"x.room > 0 && x.at+x.room == b.niov",
			"x.room > 0",
		}},
		by: []selection{tests(mmsg, "^TestBatchAppendTo$")},
	},
	{
		name: "vectors' place of a message before kept",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"\tb.extents[i].room = 0\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestBatchAppendTo$")},
	},
	{
		name: "vectors moved to where there is no room for another",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"\tif room <= n {\n",
			"\tif room < n {\n",
		}},
		by: []selection{tests(mmsg, "^TestBatchAppendTo$")},
	},
	{
		name: "piece taken for one with that of another message",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"n > 0 && b.lastTo == i && len(p) > 0",
			"n > 0 && len(p) > 0",
		}},
		by: []selection{tests(mmsg, "^TestBatchAppendTo$")},
	},
	{
		name: "control messages that outgrew their room sent again",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"\th.Control = unsafe.SliceData(oob)\n\th.SetControllen(len(oob))\n\th.SetIovlen(0)\n",
			"\tif h.Control == nil {\n\t\th.Control = unsafe.SliceData(oob)\n\t}\n\th.SetControllen(len(oob))\n\th.SetIovlen(0)\n",
		}},
		by: []selection{tests(mmsg, "^TestBatchControls$")},
	},
	{
		name: "connected peer named as another socket's remote was",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"\tm.hdr.Namelen = 0 // means that there is no name\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestConnected$")},
	},
	{
		name: "no remote address taken for one",
		edits: []edit{{
			"dsrudp/target.go",
			"if c.connected || !t.addr.IsValid() {",
			"if c.connected {",
		}},
		by: []selection{tests(public, "^TestWriteOfFile$")},
	},
	{
		name: "port cut to sixteen bits",
		edits: []edit{{
			"dsrudp/target.go",
			"addr == nil || uint(addr.Port) > 1<<16-1 {",
			"addr == nil {",
		}},
		by: []selection{tests(public, "^TestErrorShapes$")},
	},
	{
		name: "control messages of the message before sent again",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"\th.SetControllen(len(oob))\n\th.SetIovlen(0)\n",
			"\tif len(oob) > 0 {\n\t\th.SetControllen(len(oob))\n\t}\n\th.SetIovlen(0)\n",
		}},
		by: []selection{tests(mmsg, "^TestBatchControl$")},
	},
	{
		name: "batch that is full taken for all there is",
		edits: []edit{{
			"internal/mmsg/loop_linux.go",
			"if n < b.to {",
			"if n <= b.to {",
		}},
		by: []selection{tests(mmsg, "^TestBatchLoop$")},
	},
	{
		name: "one datagram taken after each wait",
		edits: []edit{{
			"internal/mmsg/inbatch_linux.go",
			"if b.lone {",
			"if b.waited {",
		}},
		by: []selection{tests(mmsg, "^TestBatchLone$")},
	},
	{
		name: "another datagram looked for after each wait",
		edits: []edit{{
			"internal/mmsg/inbatch_linux.go",
			"if b.lone {",
			"if b.done > 1 {",
		}},
		by: []selection{tests(mmsg, "^TestBatchLone$")},
	},
	{
		name: "datagram that was there taken for one that was waited for",
		edits: []edit{{
			"internal/mmsg/inbatch_linux.go",
			"b.lone = b.waited && b.done == 1",
			"b.lone = b.done == 1",
		}},
		by: []selection{tests(mmsg, "^TestBatchLone$")},
	},
	{
		name: "forbidden system call of several messages not noticed",
		edits: []edit{{
			"internal/mmsg/syscall_linux.go",
			"\treturn errno == unix.EPERM\n",
			"\treturn errno == unix.ENOSYS\n",
		}},
		by: []selection{tests(mmsg, "^TestBatchForbidden$")},
	},
	{
		name: "packet filter's word taken for a forbidden system call",
		edits: []edit{{
			"internal/mmsg/syscall_linux.go",
			"\treturn errno == unix.EPERM\n",
			"\treturn errno == unix.EPERM || trap == unix.SYS_SENDMMSG\n",
		}},
		by: []selection{tests(facts, "^TestK8_3_FilterForbidsNoCall$")},
	},
}
