package main

// What can be asked for, and the bounds of what is done.
var limits = []breakage{
	{
		name: "raw socket handed out as it is",
		edits: []edit{{
			"dsrudp/rawconn.go",
			"return rawConn{raw, c}, nil",
			"return raw, nil",
		}},
		by: []selection{tests(public, "^TestECNClassSetByXNet$")},
	},
	{
		name: "ReadAhead without a limit",
		edits: []edit{{
			"dsrudp/equip.go",
			"case ahead < 0 || ahead > maxBatch:",
			"case ahead < 0:",
		}},
		by: []selection{tests(public, "^TestReadAheadConfig$")},
	},
	{
		name: "negative ReadAhead taken for none",
		edits: []edit{{
			"dsrudp/equip.go",
			"case ahead < 0 || ahead > maxBatch:",
			"case ahead > maxBatch:",
		}},
		by: []selection{tests(public, "^TestReadAheadConfig$")},
	},
	{
		name: "writes held without a datagram read ahead",
		edits: []edit{{
			"dsrudp/equip.go",
			"case ahead == 1 && lc.CoalesceWrites:",
			"case ahead == 1 && lc.CoalesceWrites && lc.GRO:",
		}},
		by: []selection{tests(public, "^TestReadAheadConfig$")},
	},
	{
		name: "trains read ahead",
		edits: []edit{{
			"dsrudp/equip.go",
			"if lc.ReadAhead > 1 || lc.CoalesceWrites {",
			"if lc.CoalesceWrites {",
		}},
		by: []selection{tests(public, "^TestReadAheadConfig$")},
	},
	{
		name: "raw call that sends without a bound",
		edits: []edit{{
			"internal/mmsg/outbatchsend_linux.go",
			"const maxCall = 1 << 17",
			"const maxCall = 1 << 30",
		}},
		by: []selection{tests(mmsg, "^TestBatchBound$")},
	},
	{
		name: "raw call that goes over its bound by a message",
		edits: []edit{{
			"internal/mmsg/outbatchsend_linux.go",
			"return max(i, from+1)",
			"return i + 1",
		}},
		by: []selection{tests(mmsg, "^TestBatchBound$")},
	},
}
