package main

var listening = []breakage{
	{
		name: "option set after bind only",
		edits: []edit{
			{
				"dsrudp/setup.go",
				"if err := pktinfo.Enable(fd, s.family); err != nil {\n\t\treturn notSupported(err)\n\t}\n\ts.guard",
				"s.guard",
			},
			{
				"dsrudp/equip.go",
				"c, err := s.conn(uc, network)\n\tif err != nil {",
				"c, err := s.conn(uc, network)\n\tif err == nil {\n\t\terr = c.control(func(fd uintptr) error { return pktinfo.Enable(fd, s.family) })\n\t}\n\tif err != nil {",
			},
			{
				"dsrudp/adopt.go",
				"if err = s.prepare(fd); err == nil {",
				"if err = errors.Join(s.prepare(fd), pktinfo.Enable(fd, s.family)); err == nil {",
			},
			{
				"dsrudp/adopt.go",
				"\t\"syscall\"\n",
				"\t\"syscall\"\n\n\t\"github.com/dsrudp/go-dsrudp/internal/pktinfo\"\n",
			},
		},
		by: []selection{tests(facts, "^TestK4_4_OptionBeforeBind$/^dsrudp$")},
	},
	{
		name: "bound socket keeps its control messages",
		edits: []edit{{
			"dsrudp/equip.go",
			"return pktinfo.Disable(fd, s.family)",
			"return pktinfo.Enable(fd, s.family)",
		}},
		by: []selection{tests(public, "^TestBoundConn$")},
	},
	{
		name: "IPv4 message not asked for on a dual-stack socket",
		edits: []edit{{
			"internal/pktinfo/pktinfo_linux.go",
			"\t\treturn set4(fd, on)\n\t}\n\treturn errFamily(f)",
			"\t\treturn nil\n\t}\n\treturn errFamily(f)",
		}},
		by: []selection{tests(pktinfo, "^TestEnableDisable$")},
	},
	{
		name: "socket bound to a broadcast address sends from it",
		edits: []edit{{
			"dsrudp/source.go",
			"if addr.Is4() && c.guard != nil && c.guard.Broadcast(addr) {",
			"if addr.Is4() && c.guard != nil && c.guard.Broadcast(addr) && c.strict {",
		}},
		by: []selection{tests(public, "^TestFreeBindBroadcast$")},
	},
	{
		name: "ListenN's sockets on ports of their own",
		edits: []edit{{
			"dsrudp/listengroup.go",
			"address = net.JoinHostPort(host, strconv.Itoa(int(c.port)))",
			"address = net.JoinHostPort(host, strconv.Itoa(0*int(c.port)))",
		}},
		by: []selection{tests(public, "^TestListenN$")},
	},
	{
		name: "zones taken from the thread's namespace",
		edits: []edit{
			{"internal/zone/zone.go", "name, ok = interfaceName(c.raw, index)", "name, ok = threadsName(index)"},
			{"internal/zone/zone.go", "// remember keeps", "func threadsName(index uint32) (string, bool) {\n\tifi, err := net.InterfaceByIndex(int(index))\n\tif err != nil {\n\t\treturn \"\", false\n\t}\n\treturn ifi.Name, true\n}\n\n// remember keeps"},
			{"internal/zone/zone.go", "\"strconv\"\n", "\"net\"\n\t\"strconv\"\n"},
		},
		by: []selection{tests(facts, "^TestK13_ZonesElsewhere$")},
	},
	{
		name: "socket with UDP_GRO adopted",
		edits: []edit{{
			"dsrudp/setup.go",
			"if sockopt.GRO(fd) {",
			"if sockopt.GRO(fd) && s.guard6 {",
		}},
		by: []selection{tests(public, "^TestAdoptGRO$")},
	},
	{
		name: "SO_REUSEPORT before the kernel chooses a port",
		edits: []edit{{
			"dsrudp/listen.go",
			"if reusePort && bind.Port() == 0 {",
			"if reusePort && bind.Port() == 0 && lc.FreeBind {",
		}},
		by: []selection{tests(facts, "^TestK13_PortZero$")},
	},
	{
		name: "SO_REUSEPORT not set after the kernel chose a port",
		edits: []edit{{
			"dsrudp/listen.go",
			"if err == nil && reuseLater {",
			"if err != nil && reuseLater {",
		}},
		by: []selection{tests(public, "^TestListenN$")},
	},
}
