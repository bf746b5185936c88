package main

// Datagrams of one path that leave as one.
var merging = []breakage{
	{
		name: "datagrams of another Path in a group",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"m.s != *s || m.t != *t || ",
			"",
		}},
		by: []selection{tests(public, "^TestMergingEnds$")},
	},
	{
		name: "datagrams of another mark in a group",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			" || m.ecn != ecn ||",
			" ||",
		}},
		by: []selection{tests(public, "^TestMergingEnds$|^TestECNSent$")},
	},
	{
		name: "datagrams behind a shorter one in a group",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"m.full = n < m.size",
			"m.full = n > m.size",
		}},
		by: []selection{tests(public, "^TestMerging$")},
	},
	{
		name: "group longer than a datagram may be",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"||\n\t\tm.total+n > maxPayload {",
			"{",
		}},
		by: []selection{tests(public, "^TestMerging$")},
	},
	{
		name: "group of what only might have one path",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"i > last || i < q.first || i < q.next",
			"i > last || i < q.next",
		}},
		by: []selection{tests(public, "^TestMergingLeftToKernel$")},
	},
	{
		name: "source that the kernel chooses taken for one path",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"from == 0 || to == 0 ||",
			"to == 0 ||",
		}},
		by: []selection{tests(public, "^TestMergingLeftToKernel$")},
	},
	{
		name: "unspecified target taken for one path",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"from == 0 || to == 0 ||",
			"from == 0 ||",
		}},
		by: []selection{tests(public, "^TestMergingLeftToKernel$")},
	},
	{
		name: "IPv4-mapped address taken for another path",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"if a = a.Unmap(); a.Is4() {",
			"if a.Is4() {",
		}},
		by: []selection{tests(public, "^TestMergingLeftToKernel$")},
	},
	{
		name: "datagram put to a message that was sent",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"i > last || i < q.first || i < q.next",
			"i > last || i < q.first",
		}},
		by: []selection{tests(public, "^TestMergingHalfSent$")},
	},
	{
		name: "order changed where it says how many were sent",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			" || q.prefix {",
			" {",
		}},
		by: []selection{tests(public, "^TestWriteBatchPrefix$")},
	},
	{
		name: "errors of one message told of the datagrams of another",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"if f.message == i {",
			"if f.message <= i {",
		}},
		by: []selection{tests(public, "^TestMergingErrors$")},
	},
	{
		name: "errors told of datagrams sent before",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"q.first, q.followers = 0, q.followers[:0]",
			"q.first = 0",
		}},
		by: []selection{tests(public, "^TestMergingErrors$")},
	},
	{
		name: "nothing grouped after what was left to the kernel",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"q.first, q.followers = 0, q.followers[:0]",
			"q.followers = q.followers[:0]",
		}},
		by: []selection{tests(public, "^TestMergingLeftToKernel$")},
	},
	{
		name: "datagram put before a train of its path",
		edits: []edit{{
			"dsrudp/batchsender.go",
			"m, err := q.begin(number, q.slot(s, t), s, t, ecn)",
			"m, err := q.begin(number, 0, s, t, ecn)",
		}},
		by: []selection{tests(public, "^TestMergingInTurn$")},
	},
	{
		name: "datagram put to the first message of its path",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"\tq.messages[slot] = uint8(i)\n",
			"\tif m := q.messages[slot]; int(m) >= i || q.slot(&q.msgs[m].s, &q.msgs[m].t) != slot {\n\t\tq.messages[slot] = uint8(i)\n\t}\n",
		}},
		by: []selection{tests(public, "^TestMergingInTurn$")},
	},
	{
		name: "errors of a group's datagrams all told of its first",
		edits: []edit{{
			"dsrudp/batchflush.go",
			"range items[k : k+n] {",
			"range items[:n] {",
		}},
		by: []selection{tests(public, "^TestMergingErrors$")},
	},
	{
		name: "what changes places with nothing never grouped",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"\t\tq.first = i\n",
			"\t\tq.first = i + 1\n",
		}},
		by: []selection{tests(public, "^TestMergingLeftToKernel$")},
	},
	{
		name: "vectors left behind kept",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"b.iovs[:b.niov] {\n\t\tb.iovs[i].Base = nil",
			"b.iovs[:min(b.niov, b.len)] {\n\t\tb.iovs[i].Base = nil",
		}},
		by: []selection{tests(mmsg, "^TestBatchAppendTo$")},
	},
	{
		name: "piece appended last kept",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"b.bytes, b.last = 0, 0, 0, nil",
			"b.bytes = 0, 0, 0",
		}},
		by: []selection{tests(mmsg, "^TestBatchAppendTo$")},
	},
	{
		name: "pieces appended in turn not counted for a call's bound",
		edits: []edit{{
			"internal/mmsg/outbatch_linux.go",
			"\tb.last, b.lastTo = p, i\n\tb.bytes += len(p)\n",
			"\tb.last, b.lastTo = p, i\n\tif i == b.len-1 {\n\t\tb.bytes += len(p)\n\t}\n",
		}},
		by: []selection{tests(mmsg, "^TestBatchBound$")},
	},
}
