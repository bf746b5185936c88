package main

// What is remembered from datagram to datagram: what control messages say, and
// which ones to send.
var remembering = []breakage{
	{
		name: "control messages taken for those of another local address",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"if len(oob) > 0 && bytes.Equal(m.oob[:m.n], oob) {",
			"if len(oob) > 0 && (m.n > 0 || bytes.Equal(m.oob[:m.n], oob)) {",
		}},
		by: []selection{tests(public, "^TestPacketsManyVIPs$"), tests(public, "^TestServerManyVIPs$")},
	},
	{
		name: "change of the local address overlooked where two share a place",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"\t\tm.controlInfo = cache.uncached\n\t\treturn false\n",
			"\t\tm.controlInfo = cache.uncached\n\t\treturn last == r.info\n",
		}},
		by: []selection{tests(public, "^TestPacketsLastVIP$")},
	},
	{
		name: "change of the local address overlooked",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"if (!same || !sameLocal) && ",
			"if _ = sameLocal; !same && ",
		}},
		by: []selection{tests(public, "^TestPacketsLastVIP$")},
	},
	{
		name: "change of the remote address overlooked",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"if (!same || !sameLocal) && ",
			"if !sameLocal && ",
		}},
		by: []selection{tests(public, "^TestPacketsKnownPeers$")},
	},
	{
		name: "path memory told of the remote address before",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"\t\tr.peer, r.memory = &r.peers[i], &r.memories[i]\n",
			"\t\tr.peer, r.memory = &r.peers[i], &r.memories[0]\n",
		}},
		by: []selection{tests(public, "^TestPacketsKnownPeers$")},
	},
	{
		name: "length of the datagram before",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"\tr.size = size\n\tp.N = size\n",
			"\tif !same || !sameLocal {\n\t\tr.size = size\n\t}\n\tp.N = r.size\n",
		}},
		by: []selection{tests(public, "^TestPacketsKnownPeers$")},
	},
	{
		name: "truncation of the datagram before",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"r.batch.Size(i), r.batch.Flags(i)",
			"r.batch.Size(i), r.batch.Flags(max(i-1, 0))",
		}},
		by: []selection{tests(public, "^TestPacketsKnownPeers$")},
	},
	{
		name: "what a group's control messages say held for ever",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"info.Local.IsValid() && info.Local == info.Dst &&",
			"info.Local.IsValid() &&",
		}},
		by: []selection{tests(public, "^TestInterpretAlways$")},
	},
	{
		name: "group's datagram taken for what shares its place",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"r.info, cache.uncachedOOB = &cache.uncached, oob",
			"cache.uncachedOOB = oob",
		}},
		by: []selection{tests(public, "^TestControlInfoSame$")},
	},
	{
		name: "a group's datagrams taken for those of another group",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"if last == &cache.uncached && bytes.Equal(cache.uncachedOOB, oob) {",
			"if last == &cache.uncached && (bytes.Equal(cache.uncachedOOB, oob) || true) {",
		}},
		by: []selection{tests(public, "^TestControlInfoSame$")},
	},
	{
		name: "what was not to be remembered held until the next receive",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"\tr.info = nil\n",
			"",
		}},
		by: []selection{tests(public, "^TestControlInfoOfEachReceive$")},
	},
	{
		name: "lost path in a batch not noted",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"c.memory != nil && r.peer.addr.IsValid() {",
			"c.memory != nil && r.peer.addr.IsValid() && info.local.addr.IsValid() {",
		}},
		by: []selection{tests(public, "^TestPacketsLostPath$")},
	},
	{
		name: "zones of remote and local address noted as one of neither",
		edits: []edit{{
			"internal/pathmem/record.go",
			"if k.id&zoneMask != 0 {",
			"if k.id&zoneMask == zoneMask {",
		}},
		by: []selection{tests(pathmem, "^TestSeeOfTwoZones$")},
	},
	{
		name: "name of a link-local address's interface held for ever",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			" && a.local.ifindex == 0",
			"",
		}},
		by: []selection{tests(public, "^TestInterpretAlways$")},
	},
	{
		name: "change written to what has become another's entry",
		edits: []edit{{
			"internal/pathmem/view.go",
			"\t\tif v.current() {",
			"\t\tif s.array.Load() != nil {",
		}},
		by: []selection{tests(pathmem, "^TestChangeMeetsOthers$")},
	},
	{
		name: "guard not told again of a local address that is remembered",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"\t\tc.noteLocal(r.o, &m.local)\n",
			"",
		}},
		by: []selection{tests(facts, "^TestGuard_ReceivedAgain$")},
	},
}
