package main

var sending = []breakage{
	{
		name: "interface index pinned",
		edits: []edit{
			{"dsrudp/destination.go", "s := source{addr: info.Local}\n", "s := source{addr: info.Local}\n\tlastIndex = info.IfIndex\n"},
			{"dsrudp/source.go", "\t\treturn s.ifindex\n\t}\n\treturn 0\n", "\t\treturn s.ifindex\n\t}\n\treturn lastIndex\n"},
			{"dsrudp/source.go", "// outIndex returns", "var lastIndex uint32\n\n// outIndex returns"},
			{"dsrudp/source.go", "return pktinfo.AppendSource4(oob, s.addr.As4()), nil", "return appendNamed(oob, s), nil"},
		},
		by: []selection{tests(facts, "^TestK1_5_ArrivalInterfaceEchoed_Asymmetric$/^dsrudp$")},
	},
	{
		name: "control message level swapped",
		edits: []edit{{
			"dsrudp/source.go",
			"pktinfo.AppendSource(oob, s.addr.Is4(), s.addr, outIndex(s))",
			"pktinfo.AppendSource(oob, false, s.addr, outIndex(s))",
		}, {
			"dsrudp/source.go",
			"return pktinfo.AppendSource4(oob, s.addr.As4()), nil",
			"return appendNamed(oob, s), nil",
		}},
		by: []selection{tests(public, "^TestTwoVIPs$")},
	},
	{
		name: "source not given to the kernel",
		edits: []edit{{
			"dsrudp/source.go",
			"return s.addr != c.bound.addr || s.pinned",
			"return s.pinned",
		}},
		by: []selection{tests(public, "^TestTwoVIPs$")},
	},
	{
		name: "family check off",
		edits: []edit{{
			"dsrudp/guard.go",
			"if s.addr.Is4() != v4 {",
			"if s.addr.Is4() != v4 && c.strict {",
		}},
		by: []selection{tests(public, "^TestWritePacketRefuses$")},
	},
	{
		name: "loopback-to-remote check off",
		edits: []edit{{
			"dsrudp/guard.go",
			"if s.addr.IsLoopback() && !c.isLocal(o, t) {",
			"if s.addr.IsLoopback() && c.isLocal(o, t) && c.strict {",
		}},
		by: []selection{tests(facts, "^TestK2_8_LoopbackToRemotePeer$/^dsrudp$")},
	},
	{
		name: "Path's port not checked",
		edits: []edit{{
			"dsrudp/findsource.go",
			"if p := local.Port(); p != 0 && p != c.port {",
			"if p := local.Port(); p != 0 && p != c.port && c.strict {",
		}},
		by: []selection{tests(public, "^TestWritePacketRefuses$")},
	},
	{
		name: "Path of :: without a zone left to the kernel",
		edits: []edit{{
			"dsrudp/findsource.go",
			"if s.addr.IsUnspecified() && s.ifindex == 0 {",
			"if s.addr.IsUnspecified() && s.ifindex == 0 && c.strict {",
		}},
		by: []selection{tests(public, "^TestWritePacketRefuses$")},
	},
	{
		name: "zone of a :: path ignored",
		edits: []edit{{
			"dsrudp/source.go",
			"return a.IsLinkLocalUnicast() || a.IsUnspecified()",
			"return a.IsLinkLocalUnicast()",
		}},
		by: []selection{tests(facts, "^TestK2_6_MulticastRequest$/^dsrudp$")},
	},
	{
		name: "zone of a link-local source ignored",
		edits: []edit{{
			"dsrudp/source.go",
			"return a.IsLinkLocalUnicast() || a.IsUnspecified()",
			"return a.IsUnspecified()",
		}},
		by: []selection{tests(facts, "^TestK2_7_LinkLocalPeers$")},
	},
	{
		name: "Path without Local sent from the kernel's choice",
		edits: []edit{{
			"dsrudp/findsource.go",
			"if !addr.IsValid() {\n\t\treturn source{}, ErrNoPath",
			"if !addr.IsValid() {\n\t\treturn source{}, nil",
		}},
		by: []selection{tests(public, "^TestWritePacketRefuses$")},
	},
	{
		name: "every EINVAL and ENETUNREACH blamed on the source",
		edits: []edit{{
			"dsrudp/guard.go",
			"if local, e := c.guard.Ask(s.addr, s.towards(t).ifindex); e == nil && !local {",
			"if local, e := c.guard.Ask(s.addr, s.towards(t).ifindex); e == nil || !local {",
		}},
		by: []selection{tests(facts, "^TestK8_3_ErrorsOfTheWay$")},
	},
	{
		name: "kernel's refusal of the source not recognised",
		edits: []edit{{
			"dsrudp/guard.go",
			"if !s.addr.IsValid() || s.addr.IsUnspecified() || !mmsg.MayBeBadSource(err) {",
			"if !s.addr.IsValid() || mmsg.MayBeBadSource(err) {",
		}},
		by: []selection{tests(public, "^TestWritePacketRefuses$")},
	},
	{
		name: "refusals not counted",
		edits: []edit{{
			"dsrudp/counters.go",
			"c.count.refused.Add(uint64(n))",
			"c.count.refused.Add(0 * uint64(n))",
		}},
		by: []selection{tests(public, "^TestWritePacketRefuses$")},
	},
	{
		name: "lost control data in a carried address answered by the kernel's choice",
		edits: []edit{{
			"dsrudp/findsource.go",
			"ok && group == c.groupID {\n",
			"ok && group == c.groupID {\n\t\tif !local.IsValid() {\n\t\t\treturn source{}, nil\n\t\t}\n",
		}},
		by: []selection{tests(facts, "^TestK1_12_GroupQueuedBeforeOption$/^dsrudp$")},
	},
	{
		name: "lost control data answered by the kernel's choice (path memory)",
		edits: []edit{{
			"dsrudp/findsource.go",
			"case pathmem.Lost:\n\t\treturn source{}, ErrNoPath",
			"case pathmem.Lost:\n\t\treturn source{}, nil",
		}},
		by: []selection{tests(facts, "^TestK1_12_GroupQueuedBeforeOption$/^dsrudp$")},
	},
	{
		name: "ErrNoPath not returned under Strict",
		edits: []edit{{
			"dsrudp/findsource.go",
			"if c.strict {\n\t\treturn source{}, ErrNoPath",
			"if c.strict {\n\t\treturn s, nil",
		}},
		by: []selection{tests(public, "^TestUnknownRemote$")},
	},
	{
		name: "PathTo tells an ambiguous path under Strict",
		edits: []edit{{
			"dsrudp/pathto.go",
			"(state != pathmem.Ambiguous || c.strict)",
			"state != pathmem.Ambiguous",
		}},
		by: []selection{tests(public, "^TestAmbiguousRemote$")},
	},
	{
		name: "unknown remotes not counted",
		edits: []edit{{
			"dsrudp/findsource.go",
			"c.count.unknownPath.Add(1)",
			"c.count.unknownPath.Add(0)",
		}},
		by: []selection{tests(public, "^TestUnknownRemote$")},
	},
	{
		name: "Path's Remote not compared with the connected peer",
		edits: []edit{{
			"dsrudp/target.go",
			"c.connected && unmap(remote) != unmap(c.peer) ||",
			"c.connected && !remote.IsValid() ||",
		}},
		by: []selection{tests(public, "^TestAdoptConnected$")},
	},
	{
		name: "callback allocated for each send",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"return s.raw.Write(m.inTurn)",
			"return s.raw.Write(func(fd uintptr) bool { return m.inTurn(fd) })",
		}},
		by: []selection{tests(public, "^TestAllocations$")},
	},
	{
		name: "bound address overridden by a request for an interface, towards a group",
		edits: []edit{{
			"dsrudp/findsource.go",
			"s = c.bound // which",
			"s = source{} // which",
		}},
		by: []selection{tests(facts, "^TestK4_1_InterfaceToGroup$/^dsrudp$")},
	},
	{
		name: "MSG_DONTWAIT dropped on send",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"\t\t\t\tn, _, m.errno = syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdr)), unix.MSG_DONTWAIT,",
			"\t\t\t\tflags := uintptr(unix.MSG_DONTWAIT)\n\t\t\t\tif trap == unix.SYS_SENDMSG {\n\t\t\t\t\tflags = 0\n\t\t\t\t}\n\t\t\t\tn, _, m.errno = syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdr)), flags,",
		}},
		by: []selection{tests(facts, "^TestK8_4_BlockingDescriptionFull$")},
	},
}
