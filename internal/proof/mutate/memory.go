package main

var memory = []breakage{
	{
		name: "path memory ignoring ambiguity",
		edits: []edit{{
			"internal/pathmem/record.go",
			"r.meta |= metaMany",
			"r.meta |= 0",
		}},
		by: []selection{tests(public, "^TestAmbiguousRemote$")},
	},
	{
		name: "ambiguous remotes not counted",
		edits: []edit{{
			"dsrudp/findsource.go",
			"c.count.ambiguousPath.Add(1)",
			"c.count.ambiguousPath.Add(0)",
		}},
		by: []selection{tests(public, "^TestAmbiguousRemote$")},
	},
	{
		name: "path memory answers with the first path, not the last",
		edits: []edit{{
			"internal/pathmem/record.go",
			"if seen.meta&metaLost != 0 {",
			"if seen.meta&metaLost != 0 || old.meta&metaLocal != 0 {",
		}},
		by: []selection{tests(public, "^TestAmbiguousRemote$")},
	},
	{
		name: "path memory without a bound",
		edits: []edit{{
			"internal/pathmem/pathmem.go",
			"max:    int64(max),",
			"max:    int64(max) << 20,",
		}},
		by: []selection{tests(public, "^TestPathMemoryBound$")},
	},
	{
		name: "evicted remotes not counted",
		edits: []edit{{
			"internal/pathmem/shard.go",
			"s.evicted.Add(1)",
			"s.evicted.Add(0)",
		}},
		by: []selection{tests(public, "^TestPathMemoryBound$")},
	},
	{
		name: "datagrams without a path not remembered as lost",
		edits: []edit{{
			"dsrudp/receive.go",
			"\to.memory.Note(d.From, d.local.addr, zone)\n",
			"\tif d.local.addr.IsValid() {\n\t\to.memory.Note(d.From, d.local.addr, zone)\n\t}\n",
		}},
		by: []selection{tests(facts, "^TestK1_12_GroupQueuedBeforeOption$/^dsrudp$")},
	},
	{
		name: "path memory kept although turned off",
		edits: []edit{{
			"dsrudp/listengroup.go",
			"case lc.PathMemory == 0:",
			"case lc.PathMemory <= 0:",
		}},
		by: []selection{tests(public, "^TestPathMemoryOff$")},
	},
	{
		name: "path memory not shared in a ListenN group",
		edits: []edit{{
			"dsrudp/equip.go",
			"\tg.add(c) //",
			"\tnewListenGroup(lc).add(c)\n\tc.groupID = g.id //",
		}},
		by: []selection{tests(public, "^TestListenN$")},
	},
}
