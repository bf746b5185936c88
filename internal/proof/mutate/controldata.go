package main

var controlData = []breakage{
	{
		name: "caller's control data edited in place",
		edits: []edit{{
			"dsrudp/findsource.go",
			"others = o.oob[:0]\n\tif len(oob) > 0 {\n\t\tothers = pktinfo.AppendOthers(others, oob)",
			"others = o.oob[:0]\n\tif len(oob) > 0 {\n\t\tothers = pktinfo.AppendOthers(oob[:0], oob)",
		}},
		by: []selection{tests(public, "^TestTwoVIPs$/^udp:0$/handed_back$")},
	},
	{
		name: "index of the caller's control data kept beside a source",
		edits: []edit{{
			"dsrudp/findsource.go",
			"return source{addr: r.Src, ifindex: r.IfIndex, pinned: needsInterface(to)}, others, nil",
			"return source{addr: r.Src, ifindex: r.IfIndex, pinned: r.IfIndex != 0}, others, nil",
		}},
		by: []selection{tests(facts, "^TestK2_IndexBesideSource$")},
	},
	{
		name: "index without a source left out of the caller's control data",
		edits: []edit{{
			"dsrudp/findsource.go",
			"case found && r.IfIndex != 0:",
			"case found && r.IfIndex != 0 && c.strict:",
		}},
		by: []selection{tests(facts, "^TestK2_IndexToGroup$")},
	},
	{
		name: "source in the caller's control data ignored",
		edits: []edit{{
			"dsrudp/findsource.go",
			"case r.Src.IsValid():",
			"case r.Src.IsValid() && c.strict:",
		}},
		by: []selection{tests(public, "^TestRequestedSourceWins$")},
	},
	{
		name: "caller's other control messages dropped",
		edits: []edit{{
			"dsrudp/findsource.go",
			"others = pktinfo.AppendOthers(others, oob)",
			"_ = pktinfo.AppendOthers(others, oob)",
		}},
		by: []selection{tests(public, "^TestOwnControlMessages$")},
	},
	{
		name: "malformed control data sent without it",
		edits: []edit{{
			"dsrudp/findsource.go",
			"r, found, err = pktinfo.Requested(oob)\n\t}\n\tif err != nil {",
			"r, found, err = pktinfo.Requested(oob)\n\t}\n\tif err != nil && c.strict {",
		}},
		by: []selection{tests(public, "^TestMalformedControlMessages$")},
	},
	{
		name: "ipi_addr alone in the caller's control data left to the kernel",
		edits: []edit{{
			"dsrudp/findsource.go",
			"if !r.Src.IsValid() && r.HeaderDst.IsValid() {",
			"if !r.Src.IsValid() && r.HeaderDst.IsValid() && c.strict {",
		}},
		by: []selection{tests(public, "^TestRequestedSourceWins$")},
	},
	{
		name: "index alone takes an answer off the known address",
		edits: []edit{{
			"dsrudp/findsource.go",
			"if !isGroup(to) {",
			"if !isGroup(to) && c.strict {",
		}},
		by: []selection{tests(public, "^TestInterfaceAlone$")},
	},
	{
		name: "request of the other family ignored in silence",
		edits: []edit{{
			"dsrudp/findsource.go",
			"if err == nil && !found {",
			"if err == nil && !found && c.strict {",
		}},
		by: []selection{tests(facts, "^TestK3_4_WrongFamilyIgnored$")},
	},
	{
		name: "group's control data handed back answered from another interface's address",
		edits: []edit{{
			"dsrudp/findsource.go",
			"if r.Src.Is4() && c.isGroup4(r.HeaderDst) {",
			"if r.Src.Is4() && c.isGroup4(r.HeaderDst) && c.strict {",
		}},
		by: []selection{tests(facts, "^TestPromise3_GroupAsymmetric$")},
	},
	{
		name: "bound socket sends an empty pktinfo",
		edits: []edit{
			{"internal/pktinfo/source.go", "if !chosen && ifindex == 0 {\n\t\treturn oob\n\t}\n", ""},
			{"dsrudp/source.go", "return s.addr != c.bound.addr || s.pinned", "return true"},
			{"dsrudp/source.go", "pktinfo.AppendSource(oob, s.addr.Is4(), s.addr, outIndex(s))", "pktinfo.AppendSource(oob, s.addr.Is4(), netip.Addr{}, outIndex(s))"},
		},
		by: []selection{tests(public, "^TestBoundConn$"), tests(pktinfo, "^TestAppendNoSource$")},
	},
	{
		name: "message of no source made an empty one",
		edits: []edit{{
			"internal/pktinfo/source.go",
			"if !chosen && ifindex == 0 {\n\t\treturn oob\n\t}\n",
			"",
		}},
		by: []selection{tests(pktinfo, "^TestAppendNoSource$")},
	},
	{
		name: "numbers in the byte order of one processor",
		edits: []edit{{
			"internal/pktinfo/parse.go",
			"info.IfIndex = binary.NativeEndian.Uint32(d[index6:])",
			"info.IfIndex = binary.BigEndian.Uint32(d[index6:])",
		}},
		by: []selection{tests(pktinfo, "^TestParseIPv6$|^TestReceive$")},
	},
}
