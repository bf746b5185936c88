package main

var carriers = []breakage{
	{
		name: "marker behind an IPv4 address not checked",
		edits: []edit{{
			"internal/udpaddr/ipv4.go",
			"binary.NativeEndian.Uint64(t[off4Marker:]) != marker || zone",
			"zone",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "marker behind an IPv6 address not checked",
		edits: []edit{{
			"internal/udpaddr/ipv6.go",
			"binary.NativeEndian.Uint64(t[off6Marker:]) != marker ||",
			"",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "IPv4 address edited and believed",
		edits: []edit{{
			"internal/udpaddr/ipv4.go",
			"binary.NativeEndian.Uint32(array[:]) != binary.NativeEndian.Uint32(t[off4Remote:]) ||",
			"",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "IPv6 address edited and believed",
		edits: []edit{{
			"internal/udpaddr/ipv6.go",
			"[net.IPv6len]byte(a.IP) != [net.IPv6len]byte(t[off6Remote:]) ||",
			"",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "port beside an IPv4 address edited and believed",
		edits: []edit{{
			"internal/udpaddr/ipv4.go",
			"port != int(binary.NativeEndian.Uint16(t[off4RemotePort:])) {",
			"false {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "port beside an IPv6 address edited and believed",
		edits: []edit{{
			"internal/udpaddr/ipv6.go",
			"a.Port != int(binary.NativeEndian.Uint16(t[off6RemotePort:])) {",
			"false {",
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
			"!ok || zone != a.Zone {",
			"!ok || zone != a.Zone && zone == \"?\" {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "IPv4-mapped address's first bytes edited and believed",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"if ip := a.IP.To4(); ip != nil {",
			"if ip := a.IP[12:]; ip != nil {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "lost local address of an IPv4 datagram carried as 0.0.0.0",
		edits: []edit{{
			"internal/udpaddr/ipv4.go",
			"if t[off4Lost] != 0 {",
			"if t[off4Lost] > 1 {",
		}},
		by: []selection{tests(udpaddr, "^TestParse$")},
	},
	{
		name: "lost local address of an IPv6 datagram carried as ::",
		edits: []edit{{
			"internal/udpaddr/ipv6.go",
			"if t[off6Lost] != 0 {",
			"if t[off6Lost] > 1 {",
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
		name: "address of another Conn believed",
		edits: []edit{{
			"dsrudp/write.go",
			"ok && group == c.group {",
			"ok && group <= max(c.group, group) {",
		}},
		by: []selection{tests(public, "^TestForeignCarrier$")},
	},
}
