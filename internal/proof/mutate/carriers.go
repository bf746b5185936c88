package main

var carriers = []breakage{
	{
		name: "marker behind an address not checked",
		edits: []edit{{
			"internal/udpaddr/head.go",
			"binary.NativeEndian.Uint64(h[offMarker:]) == marker && ",
			"",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "port beside an address edited and believed",
		edits: []edit{{
			"internal/udpaddr/head.go",
			" && int(binary.NativeEndian.Uint16(h[offRemotePort:])) == port",
			"",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "IPv4 address edited and believed",
		edits: []edit{{
			"internal/udpaddr/ipv4.go",
			" || binary.NativeEndian.Uint32(array[:]) != binary.NativeEndian.Uint32(t[off4Remote:]) {",
			" {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "IPv6 address edited and believed",
		edits: []edit{{
			"internal/udpaddr/ipv6.go",
			" || [net.IPv6len]byte(array[:]) != [net.IPv6len]byte(t[off6Remote:]) {",
			" {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "zone beside an IPv4 address edited and believed",
		edits: []edit{{
			"internal/udpaddr/ipv4.go",
			" || zone != \"\" ||",
			" ||",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "zone beside an IPv6 address edited and believed",
		edits: []edit{{
			"internal/udpaddr/ipv6.go",
			"!ok || remoteZone != zone {",
			"!ok || remoteZone != zone && zone == \"?\" {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "IPv4-mapped address's first bytes edited and believed",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"if ip := a.IP.To4(); cap(ip) == cap4 {",
			"if ip := a.IP[max(0, len(a.IP)-4):]; len(ip) == 4 && cap(ip) == cap4 {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "lost local address carried as the unspecified one",
		edits: []edit{{
			"internal/udpaddr/head.go",
			"return h[offLost] != 0 ",
			"return h[offLost] > 1 ",
		}},
		by: []selection{tests(udpaddr, "^TestParse$")},
	},
	{
		name: "local address of the other family carried",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"local.IsValid() && local.Addr().Is4() != (addr.Is4() || addr.Is4In6()):",
			"false:",
		}},
		by: []selection{tests(udpaddr, "^TestOtherFamily$")},
	},
	{
		name: "zone of an IPv4-mapped address lost",
		edits: []edit{{
			"internal/udpaddr/ipv4.go",
			"\ta.addr.Zone = remote.Addr().Zone() // which voids it: the layout has none\n",
			"",
		}},
		by: []selection{tests(udpaddr, "^TestNewIsNetsAddress$")},
	},
	{
		name: "foreign array read behind an IPv4 address",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"cap(ip) == cap4 {",
			"cap(ip) >= cap4 {",
		}},
		by: []selection{tests(udpaddr, "^TestForeignArraysNotRead$")},
	},
	{
		name: "foreign array read behind an IPv6 address",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"cap(a.IP) == cap6 {",
			"cap(a.IP) >= cap6 {",
		}},
		by: []selection{tests(udpaddr, "^TestForeignArraysNotRead$")},
	},
	{
		name: "foreign array of an IPv6 address's capacity read behind an IPv4 one",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"cap(ip) == cap4 {",
			"cap(ip) == cap4 || cap(ip) == cap6 {",
		}},
		by: []selection{tests(udpaddr, "^TestForeignArraysNotRead$")},
	},
	{
		name: "local zone there is no number for carried as none",
		edits: []edit{{
			"internal/udpaddr/ipv6.go",
			"if !ok || !ok2 {",
			"if !ok || !ok && !ok2 {",
		}},
		by: []selection{tests(udpaddr, "^TestZonesFull$")},
	},
	{
		name: "address of another Conn believed",
		edits: []edit{{
			"dsrudp/findsource.go",
			"ok && group == c.groupID {",
			"ok && group <= max(c.groupID, group) {",
		}},
		by: []selection{tests(public, "^TestForeignCarrier$")},
	},
}
