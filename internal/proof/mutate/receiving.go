package main

var receiving = []breakage{
	{
		name: "spec_dst of another interface used for a group's datagram",
		edits: []edit{{
			"dsrudp/groupsource.go",
			"\t\t\t\tsource = a\n",
			"\t\t\t\t_ = a\n",
		}},
		by: []selection{tests(facts, "^TestPromise3_GroupAsymmetric$")},
	},
	{
		name: "ipi_addr used instead of spec_dst",
		edits: []edit{{
			"internal/pktinfo/layout.go",
			"index4: 0, src4: 4, local4: 4, dst4: 8,\n",
			"index4: 0, src4: 4, local4: 8, dst4: 8,\n",
		}},
		by: []selection{tests(pktinfo, "^TestReceive$")},
	},
	{
		name: "group address taken for a source (IPv4)",
		edits: []edit{{
			"internal/pktinfo/parse.go",
			"return a != 0 && a != 0xffffffff && !multicast",
			"return a != 0 && (a != 0xffffffff || multicast)",
		}},
		by: []selection{tests(pktinfo, "^TestReceiveIPv4InIPv6Message$")},
	},
	{
		name: "multicast destination used as source (IPv6)",
		edits: []edit{{
			"internal/pktinfo/parse.go",
			"info.Local = netip.IPv6Unspecified()",
			"info.Local = dst",
		}},
		by: []selection{tests(pktinfo, "^TestReceiveIPv6Multicast$")},
	},
	{
		name: "group answered from another interface's address",
		edits: []edit{{
			"dsrudp/destination.go",
			"case s.addr.Is4() && s.addr != info.Dst:",
			"case s.addr.Is4() && s.addr != info.Dst && c.strict:",
		}},
		by: []selection{tests(facts, "^TestPromise3_GroupAsymmetric$")},
	},
	{
		name: "group answered from any address of the interface",
		edits: []edit{{
			"internal/sockopt/ifaddr_linux.go",
			"if a == want {",
			"if a == want && !ok {",
		}},
		by: []selection{tests(facts, "^TestPromise3_GroupSecondSubnet$")},
	},
	{
		name: "spec_dst fallback off",
		edits: []edit{{
			"dsrudp/destination.go",
			"if info.Dst.IsValid() && c.guard != nil {",
			"if info.Dst.IsValid() && c.guard == nil {",
		}},
		by: []selection{tests(public, "^TestAdoptQueued$")},
	},
	{
		name: "spec_dst fallback does not ask whether the address is local",
		edits: []edit{{
			"dsrudp/destination.go",
			"if local, err := c.guard.Local(&o.memo, info.Dst, 0); err == nil && local {",
			"if local, err := c.guard.Local(&o.memo, info.Dst, 0); err == nil || local {",
		}},
		by: []selection{tests(facts, "^TestK1_12_GroupQueuedBeforeOption$/^dsrudp$")},
	},
	{
		name: "IPv6 message preferred for an IPv4 datagram",
		edits: []edit{
			{"internal/pktinfo/parse.go", "case info4 != nil:", "case info6 == nil && info4 != nil:"},
		},
		by: []selection{tests(pktinfo, "^TestParseTakesIPv4First$")},
	},
	{
		name: "oob buffer too small",
		edits: []edit{{
			"internal/pktinfo/pktinfo.go",
			"const Size = 512",
			"const Size = 72",
		}},
		by: []selection{tests(public, "^TestControlMessages$")},
	},
	{
		name: "path looked for in the caller's short buffer",
		edits: []edit{{
			"dsrudp/readmsg.go",
			"if len(oob) >= len(o.oob) {",
			"if len(oob) > 0 {",
		}},
		by: []selection{tests(public, "^TestControlMessages$")},
	},
	{
		name: "cut message parsed as a whole one",
		edits: []edit{{
			"internal/pktinfo/parse.go",
			"if d := l.dataOf(m); len(d) >= size6 {",
			"if d := append(l.dataOf(m), make([]byte, size6)...); len(d) >= size6 {",
		}},
		by: []selection{tests(pktinfo, "^TestParsePrefix$|^TestParseCutByKernel$")},
	},
	{
		name: "truncated payload not reported by ReadFromPath",
		edits: []edit{{
			"dsrudp/read.go",
			"if d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0 {",
			"if d.Flags&mmsg.FlagCtrunc != 0 {",
		}},
		by: []selection{tests(public, "^TestTruncation$")},
	},
	{
		name: "truncated payload not counted",
		edits: []edit{{
			"dsrudp/counters.go",
			"c.count.truncated.Add(1)",
			"c.count.truncated.Add(0)",
		}},
		by: []selection{tests(public, "^TestTruncation$")},
	},
	{
		name: "truncated control data not reported by ReadFromPath",
		edits: []edit{{
			"dsrudp/read.go",
			"if d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0 {",
			"if d.Flags&mmsg.FlagTrunc != 0 {",
		}},
		by: []selection{tests(facts, "^TestK5_2_ExtensionHeaders$")},
	},
	{
		name: "truncated control data not counted",
		edits: []edit{{
			"dsrudp/counters.go",
			"c.count.controlTruncated.Add(1)",
			"c.count.controlTruncated.Add(0)",
		}},
		by: []selection{tests(facts, "^TestK5_2_ExtensionHeaders$")},
	},
	{
		name: "caller not told that its control data was cut",
		edits: []edit{{
			"dsrudp/readmsg.go",
			"d.Flags |= mmsg.FlagCtrunc",
			"d.Flags |= 0 * mmsg.FlagCtrunc",
		}},
		by: []selection{tests(public, "^TestControlMessages$|^TestNoControlMessagesWanted$")},
	},
	{
		name: "zone of a link-local peer lost",
		edits: []edit{{
			"dsrudp/shown.go",
			"if scope == 0 {",
			"if scope == 0 || remote.IsValid() {",
		}},
		by: []selection{tests(facts, "^TestK2_7_LinkLocalPeers$")},
	},
	{
		name: "MSG_DONTWAIT dropped on receive",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"\t\t\t\tn, _, m.errno = syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdr)), unix.MSG_DONTWAIT,",
			"\t\t\t\tflags := uintptr(unix.MSG_DONTWAIT)\n\t\t\t\tif trap == unix.SYS_RECVMSG {\n\t\t\t\t\tflags = 0\n\t\t\t\t}\n\t\t\t\tn, _, m.errno = syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdr)), flags,",
		}},
		by: []selection{tests(public, "^TestBlockingDescription$")},
	},
	{
		name: "MSG_DONTWAIT dropped on batches",
		edits: []edit{{
			"internal/mmsg/syscall_linux.go",
			"uintptr(len(hdrs)), uintptr(flags|unix.MSG_DONTWAIT)",
			"uintptr(len(hdrs)), uintptr(flags)",
		}},
		by: []selection{tests(mmsg, "^TestBlockingDescription$/^Batch.Recv$")},
	},
	{
		name: "address to answer a group from remembered for ever",
		edits: []edit{{
			"dsrudp/groupsource.go",
			"if now.After(g.expires) {",
			"if g.sources == nil {",
		}},
		by: []selection{tests(facts, "^TestPromise3_GroupAddressChanges$")},
	},
}
