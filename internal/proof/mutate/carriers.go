package main

var carriers = []breakage{
	{
		name: "carrier's marker check off",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"if [16]byte(t[offMarker:]) != marker || t[offFlags]&flagLocal == 0 {",
			"if t[offFlags]&flagLocal == 0 {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$|^TestForeignArrays$")},
	},
	{
		name: "carrier's remote check off",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"if ip != [16]byte(t[offRemote:]) || a.Port != int(binary.NativeEndian.Uint16(t[offRemotePort:])) {",
			"if ip == [16]byte{} || a.Port != int(binary.NativeEndian.Uint16(t[offRemotePort:])) {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "carrier's port check off",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"if ip != [16]byte(t[offRemote:]) || a.Port != int(binary.NativeEndian.Uint16(t[offRemotePort:])) {",
			"if ip != [16]byte(t[offRemote:]) {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "carrier's zone check off",
		edits: []edit{{
			"internal/udpaddr/udpaddr.go",
			"!ok || zone != a.Zone {",
			"!ok || zone != a.Zone && zone == \"?\" {",
		}},
		by: []selection{tests(udpaddr, "^TestVoided$")},
	},
	{
		name: "address of another Conn believed",
		edits: []edit{{
			"dsrudp/write.go",
			"ok && carried.Group == c.group {",
			"ok && carried.Group <= max(c.group, carried.Group) {",
		}},
		by: []selection{tests(public, "^TestForeignCarrier$")},
	},
}
