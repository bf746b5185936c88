package main

// The short ways that most datagrams take, and what is known from the datagram
// before.
var shortWays = []breakage{
	{
		name: "what was known of a remote address believed after a change",
		edits: []edit{{
			"internal/pathmem/view.go",
			"a.seq.Load() == v.seq && ",
			"",
		}},
		by: []selection{tests(pathmem, "^TestModel$"), tests(pathmem, "^TestViewOfWhatIsGone$")},
	},
	{
		name: "what was known of a remote address believed after the path memory grew",
		edits: []edit{{
			"internal/pathmem/room.go",
			"\t\t\tb.seq.Store(a.seq.Load() + 2)\n",
			"",
		}},
		by: []selection{tests(pathmem, "^TestChangeMeetsOthers$")},
	},
	{
		name: "what was known of one remote address taken for another's",
		edits: []edit{{
			"internal/pathmem/view.go",
			"\t\tv.seq = changing\n",
			"",
		}},
		by: []selection{tests(pathmem, "^TestModel$")},
	},
	{
		name: "zone of the remote address met last forgotten",
		edits: []edit{{
			"internal/pathmem/view.go",
			"if v.remote != remote || v.zone != zone {",
			"if v.remote != remote {",
		}},
		by: []selection{tests(pathmem, "^TestModel$")},
	},
	{
		name: "own change to the path memory not known afterwards",
		edits: []edit{{
			"internal/pathmem/view.go",
			"\t\t\tv.record = r\n",
			"",
		}},
		by: []selection{tests(pathmem, "^TestModel$")},
	},
	{
		name: "half a change believed",
		edits: []edit{{
			"internal/pathmem/view.go",
			"return v.seq&changing == 0",
			"return v.seq&changing == 0 || v.place != nowhere",
		}},
		by: []selection{tests(pathmem, "^TestFindWaitsForChange$")},
	},
	{
		name: "group's datagram answered from the group",
		edits: []edit{{
			"internal/pktinfo/ipv4_linux.go",
			" || binary.BigEndian.Uint32(m[headerDst4:]) != a || !mayBeSource(a) {",
			" || !mayBeSource(a) {",
		}},
		by: []selection{tests(pktinfo, "^TestUnicast4$")},
	},
	{
		name: "limited broadcast taken for a source",
		edits: []edit{{
			"internal/pktinfo/ipv4_linux.go",
			" != a || !mayBeSource(a) {",
			" != a {",
		}},
		by: []selection{tests(pktinfo, "^TestUnicast4$")},
	},
	{
		name: "any control message of the size taken for the destination's",
		edits: []edit{{
			"internal/pktinfo/ipv4_linux.go",
			"if [headerLen]byte(m[:]) != header4 || ",
			"if ",
		}},
		by: []selection{tests(pktinfo, "^TestUnicast4$")},
	},
	{
		name: "control message for a source begun in the middle of another",
		edits: []edit{{
			"internal/pktinfo/ipv4_linux.go",
			"if n%ptrSize != 0 || cap(oob)-n < space4 {",
			"if cap(oob)-n < space4 {",
		}},
		by: []selection{tests(pktinfo, "^TestAppendSourceNative$")},
	},
	{
		name: "IPv4 source for an IPv6 peer",
		edits: []edit{{
			"dsrudp/guard.go",
			"return s.addr.Is4() && !c.guard4 && is4(t.addr.Addr())",
			"return s.addr.Is4() && !c.guard4",
		}},
		by: []selection{tests(facts, "^TestK3_4_WrongFamilyIgnored$")},
	},
	{
		name: "guard over IPv4 left to a kernel that does not keep it",
		edits: []edit{{
			"dsrudp/guard.go",
			"return s.addr.Is4() && !c.guard4 && is4(t.addr.Addr())",
			"return s.addr.Is4() && is4(t.addr.Addr())",
		}},
		by: []selection{tests(facts, "^TestGuard_Transparent$")},
	},
	{
		name: "one VIP's answers sent from another that shares its place",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"if m.to != to || m.seg != seg {",
			"if m.to == 0 || m.seg != seg {",
		}},
		by: []selection{tests(public, "^TestPacketsManyVIPs$"), tests(public, "^TestServerManyVIPs$")},
	},
	{
		name: "change between VIPs that share a place overlooked",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"seg: seg}\n\t\t\treturn false\n",
			"seg: seg}\n\t\t\treturn last == r.info\n",
		}},
		by: []selection{tests(public, "^TestPacketsLastVIP$")},
	},
	{
		name: "memory of one call given to two at once",
		edits: []edit{{
			"dsrudp/op.go",
			"if c.soloInUse.Load() != 0 || !c.soloInUse.CompareAndSwap(0, 1) {",
			"if c.soloInUse.Load() > 1 {",
		}},
		by: []selection{raceTests(public, "^TestManyGoroutines$")},
	},
	{
		name: "IPv6 addresses compared by their first bytes",
		edits: []edit{{
			"internal/mmsg/sockaddr_linux.go",
			"(n == unix.SizeofSockaddrInet4 ||",
			"(n >= unix.SizeofSockaddrInet4 ||",
		}},
		by: []selection{tests(mmsg, "^TestSockaddrEqual$")},
	},
	{
		name: "received IPv4 destination not taken as local, the short way",
		edits: []edit{{
			"dsrudp/receive.go",
			"ok && !c.guard4 {",
			"ok {",
		}},
		by: []selection{tests(facts, "^TestGuard_Received$")},
	},
	{
		name: "received IPv4 destination not taken as local, in a batch",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"ok && !c.guard4 {",
			"ok {",
		}},
		by: []selection{tests(facts, "^TestGuard_ReceivedAgain$")},
	},
	{
		name: "remote address that net refuses not left to it, in a batch",
		edits: []edit{{
			"dsrudp/writepackets.go",
			"remote.Addr().Is4() && c.plain4(local)",
			"c.plain4(local)",
		}},
		by: []selection{tests(public, "^TestWritePacketsWrongFamily$")},
	},
	{
		name: "bound address named in batches",
		edits: []edit{{
			"dsrudp/source.go",
			"case !c.named(s):",
			"case !c.named(s) && c.strict:",
		}},
		by: []selection{tests(public, "^TestBegin$")},
	},
	{
		name: "datagrams of a bound socket run together",
		edits: []edit{{
			"dsrudp/batchmerge.go",
			"\tq.batch.Control(i, pktinfo.AppendSegmentSize(",
			"\tif len(q.batch.Controls(i)) == 0 {\n\t\treturn\n\t}\n\tq.batch.Control(i, pktinfo.AppendSegmentSize(",
		}},
		by: []selection{tests(public, "^TestMergingBound$")},
	},
	{
		name: "beginning of control messages remembered for all",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			" && len(oob) <= maxCached {",
			" {",
		}},
		by: []selection{tests(public, "^TestControlInfoLong$")},
	},
	{
		name: "datagram without a remote address given that of the one before",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"m.name.remote(m.hdr.Namelen)",
			"m.name.addrPort()",
		}},
		by: []selection{tests(mmsg, "^TestNoRemote$")},
	},
	{
		name: "datagram without a remote address taken for one of the peer before",
		edits: []edit{{
			"internal/mmsg/inbatch_linux.go",
			"return n == b.hdrs[i-1].hdr.Namelen && b.names",
			"return b.names",
		}},
		by: []selection{tests(mmsg, "^TestBatchNoRemote$")},
	},
	{
		name: "source that leaves the choice to the kernel taken for one",
		edits: []edit{{
			"dsrudp/findsource.go",
			" && local.Addr() != netip.IPv4Unspecified()",
			"",
		}},
		by: []selection{tests(public, "^TestUnspecifiedLocal$")},
	},
	{
		name: "zone of a link-local peer not told to the path memory, in a batch",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"Meet(p.addr, p.scope)",
			"Meet(p.addr, 0)",
		}},
		by: []selection{tests(facts, "^TestK2_7_LinkLocalPeers$")},
	},
	{
		name: "datagram without a remote address noted in the path memory",
		edits: []edit{{
			"dsrudp/batchreceiver.go",
			"c.memory != nil && r.peer.addr.IsValid() {",
			"c.memory != nil {",
		}},
		by: []selection{tests(public, "^TestReceiverNameless$")},
	},
	{
		name: "VIP between two groups' datagrams overlooked",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"if last == &cache.uncached && bytes.Equal(cache.uncachedOOB, oob) {\n",
			"if bytes.Equal(cache.uncachedOOB, oob) {\n\t\tr.info = &cache.uncached\n",
		}},
		by: []selection{tests(public, "^TestPacketsBetweenGroups$")},
	},
	{
		name: "forgotten Conn that was adopted does not release the guard",
		edits: []edit{{
			"dsrudp/adopt.go",
			"return conn.complete(), nil",
			"return conn, nil",
		}},
		by: []selection{tests(public, "^TestForgottenAdopted$")},
	},
	{
		name: "scheduler not told of single plain system calls",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"if m.sock.plain {",
			"if m.sock.plain && trap == 0x4711 {",
		}},
		by: []selection{tests(mmsg, "^TestPlain$")},
	},
	{
		name: "scheduler not told of plain system calls in batches",
		edits: []edit{{
			"internal/mmsg/syscall_linux.go",
			"if s.plain {",
			"if s.plain && x == 0 {",
		}},
		by: []selection{tests(mmsg, "^TestPlain$")},
	},
	{
		name: "what was known of a remote address believed during an array's first change",
		edits: []edit{{
			"internal/pathmem/view.go",
			" && v.seq&changing == 0\n}",
			"\n}",
		}},
		by: []selection{tests(pathmem, "^TestFirstChange$")},
	},
	{
		name: "segment size begun in the middle of another control message",
		edits: []edit{{
			"internal/pktinfo/ipv4_linux.go",
			"if n%ptrSize != 0 || cap(oob)-n < spaceInt {",
			"if cap(oob)-n < spaceInt {",
		}},
		by: []selection{tests(pktinfo, "^TestAppendSourceNative$")},
	},
	{
		name: "any number before the destination taken for a segment size",
		edits: []edit{{
			"internal/pktinfo/ipv4_linux.go",
			" && [headerLen]byte(oob) == headerGRO {",
			" {",
		}},
		by: []selection{tests(pktinfo, "^TestUnicast4$")},
	},
	{
		name: "segment size of an earlier train to the VIP",
		edits: []edit{{
			"dsrudp/controlinfo.go",
			"if m.to != to || m.seg != seg {",
			"if m.to != to {",
		}},
		by: []selection{tests(public, "^TestControlInfoTrains$")},
	},
	{
		name: "control messages of a caller's own in another's place",
		edits: []edit{{
			"dsrudp/batchsender.go",
			"\t\tq.batch.Control(i, append(q.batch.Controls(i), others...))\n",
			"\t\tif len(q.batch.Controls(i)) == 0 {\n\t\t\tq.batch.Control(i, others)\n\t\t} else {\n\t\t\tq.batch.Control(i, append(q.batch.Controls(i), others...))\n\t\t}\n",
		}},
		by: []selection{tests(public, "^TestWriteBatchControls$")},
	},
	{
		name: "room for a source taken for larger than it is",
		edits: []edit{{
			"internal/pktinfo/ipv4_linux.go",
			"if n%ptrSize != 0 || cap(oob)-n < space4 {",
			"if n%ptrSize != 0 || cap(oob)-n < space4-8 {",
		}},
		by: []selection{tests(pktinfo, "^TestAppendSourceNative$")},
	},
	{
		name: "zone of the remote address not given to a source that needs one",
		edits: []edit{{
			"dsrudp/guard.go",
			"return s, c.check(o, s, t)",
			"return given, c.check(o, s, t)",
		}, {
			"dsrudp/guard.go",
			"\ts = s.towards(t)\n",
			"\tgiven := s\n\ts = s.towards(t)\n",
		}},
		by: []selection{tests(public, "^TestVet$")},
	},
	{
		name: "interface that was asked for beside a source forgotten",
		edits: []edit{{
			"dsrudp/source.go",
			"\t\tcase s.pinned:\n\t\t\treturn appendNamed(oob, s), nil\n",
			"",
		}},
		by: []selection{tests(public, "^TestBegin$")},
	},
	{
		name: "Packet to another than the connected peer sent to that",
		edits: []edit{{
			"dsrudp/writepackets.go",
			"if !c.connected && remote.Addr().Is4()",
			"if remote.Addr().Is4()",
		}},
		by: []selection{tests(public, "^TestWritePacketsConnected$")},
	},
	{
		name: "Packet of another port sent from this one",
		edits: []edit{{
			"dsrudp/findsource.go",
			" && local.Port() == c.port && ",
			" && ",
		}},
		by: []selection{tests(public, "^TestWritePackets")},
	},
}
