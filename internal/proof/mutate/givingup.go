package main

// When segments are given up.
var givingUp = []breakage{
	{
		name: "one peer's device gives up segments for all",
		edits: []edit{{
			"internal/offload/offload.go",
			"if p.bad >= hostFault {",
			"if p.bad > 0 {",
		}},
		by: []selection{tests("internal/offload", "^TestUnable$")},
	},
	{
		name: "one peer's path gives up segments for all",
		edits: []edit{{
			"internal/offload/offload.go",
			"found, ok := p.paths[dst]\n",
			"found, ok := p.paths[dst]\n\tfor _, found = range p.paths {\n\t\tok = true\n\t}\n",
		}},
		by: []selection{tests("internal/offload", "^TestTooLong$")},
	},
	{
		name: "one peer counted as many",
		edits: []edit{{
			"internal/offload/offload.go",
			"if size == 0 && (!ok || old.size > 0) {",
			"if size == 0 {",
		}},
		by: []selection{tests("internal/offload", "^TestUnable$")},
	},
	{
		name: "segments to a peer given up for ever",
		edits: []edit{{
			"internal/offload/offload.go",
			"return ok && size >= found.size && now.Before(found.expires)",
			"return ok && size >= found.size",
		}},
		by: []selection{tests("internal/offload", "^TestTooLong$")},
	},
	{
		name: "segments given up for ever",
		edits: []edit{{
			"internal/offload/offload.go",
			"if now.Before(p.until) {",
			"if !p.until.IsZero() {",
		}},
		by: []selection{tests("internal/offload", "^TestUnable$")},
	},
	{
		name: "short segments given up with long ones",
		edits: []edit{{
			"internal/offload/offload.go",
			"return ok && size >= found.size && now.Before(found.expires)",
			"return ok && now.Before(found.expires)",
		}},
		by: []selection{tests("internal/offload", "^TestTooLong$")},
	},
	{
		name: "a socket whose segments are invalid found so by each peer again",
		edits: []edit{{
			"internal/offload/offload.go",
			"case size <= anyPath:",
			"case size < 0:",
		}},
		by: []selection{tests("internal/offload", "^TestInvalidForAll$")},
	},
	{
		name: "long segments to some paths given up for all",
		edits: []edit{{
			"internal/offload/offload.go",
			"case size <= anyPath:",
			"default:",
		}, {
			"internal/offload/offload.go",
			"\tdefault:\n\t\tp.note(dst, size)\n",
			"",
		}},
		by: []selection{tests("internal/offload", "^TestInvalidForAll$")},
	},
	{
		name: "peers whose segments fail remembered without a bound",
		edits: []edit{{
			"internal/offload/offload.go",
			"if p.paths == nil || len(p.paths) >= maxPaths {",
			"if p.paths == nil {",
		}},
		by: []selection{tests("internal/offload", "^TestBound$")},
	},
}
