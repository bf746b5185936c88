package main

var guarding = []breakage{
	{
		name: "FREEBIND off",
		edits: []edit{{
			"dsrudp/setup.go",
			"if freebind {",
			"if freebind && free {",
		}},
		by: []selection{tests(facts, "^TestK2_2_SendFromVIP$")},
	},
	{
		name: "guard off",
		edits: []edit{{
			"dsrudp/guard.go",
			"if !local {\n\t\treturn &sourceError{s.addr, remote, whyNotLocal, nil}",
			"if !local && c.strict {\n\t\treturn &sourceError{s.addr, remote, whyNotLocal, nil}",
		}},
		by: []selection{tests(facts, "^TestK2_5_ForeignSource$")},
	},
	{
		name: "guard off on bound sockets",
		edits: []edit{{
			"dsrudp/guard.go",
			"if !c.guard6 {\n\t\t\treturn nil\n",
			"if !c.guard6 || c.bound.addr.IsValid() {\n\t\t\treturn nil\n",
		}},
		by: []selection{tests(facts, "^TestK2_10_AdoptedAfterWithdrawal$")},
	},
	{
		name: "guard lets groups be sources",
		edits: []edit{
			{
				"dsrudp/guard.go",
				"if s.addr.IsMulticast() || s.addr == limitedBroadcast {\n\t\treturn &sourceError{s.addr, remote, whyGroup, nil}",
				"if s.addr.IsMulticast() {\n\t\treturn nil",
			},
		},
		by: []selection{tests(facts, "^TestK2_6_MulticastSource$")},
	},
	{
		name: "unguarded socket adopted where nobody can be asked",
		edits: []edit{{
			"dsrudp/setup.go",
			"if s.guard == nil && (s.guard4 || s.guard6) {",
			"if s.guard == nil && s.guard4 && !s.guard6 {",
		}},
		by: []selection{tests(facts, "^TestGuard_ForbiddenNamespace$")},
	},
	{
		name: "guard of the wrong network namespace",
		edits: []edit{{
			"internal/localroute/open_linux.go",
			"if err == nil && here == ns {",
			"if err == nil && (here == ns || fd >= 0) {",
		}},
		by: []selection{tests(localroute, "^TestTwoNamespaces$")},
	},
	{
		name: "FREEBIND set although nobody can be asked",
		edits: []edit{{
			"dsrudp/setup.go",
			"if s.family != pktinfo.IPv4 && s.guard != nil && !free && !bind.IsLinkLocalUnicast() {",
			"if s.family != pktinfo.IPv4 && !free && !bind.IsLinkLocalUnicast() {",
		}},
		by: []selection{tests(public, "^TestNoNetlink$")},
	},
	{
		name: "mistyped IPv6 address bound",
		edits: []edit{{
			"dsrudp/setup.go",
			"freebind = local && err == nil",
			"freebind = local || err == nil",
		}},
		by: []selection{tests(public, "^TestListenErrors$")},
	},
	{
		name: "guard's memo never invalidated",
		edits: []edit{{
			"internal/localroute/memo.go",
			"return e.gen == gen && e.key == k",
			"return e.gen > 0 && gen > 0 && e.key == k",
		}},
		by: []selection{tests(localroute, "^TestResetVoidsEverything$")},
	},
	{
		name: "withdrawn routes not noticed",
		edits: []edit{{
			"internal/localroute/watch_linux.go",
			"case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:",
			"case unix.RTM_NEWROUTE:",
		}},
		by: []selection{tests(localroute, "^TestWithdrawal$|^TestNotifications$")},
	},
	{
		name: "withdrawn addresses not noticed",
		edits: []edit{{
			"internal/localroute/watch_linux.go",
			"case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_DELADDR:",
			"case unix.RTM_NEWLINK, unix.RTM_DELLINK:",
		}},
		by: []selection{tests(localroute, "^TestWithdrawal$|^TestNotifications$")},
	},
	{
		name: "lost notifications ignored",
		edits: []edit{{
			"internal/localroute/watch_linux.go",
			"t.resetTwice() // notifications were lost, of whatever kind",
			"continue",
		}},
		by: []selection{tests(localroute, "^TestOverrun$|^TestBrokenWatch$")},
	},
	{
		name: "answer overtaken by a withdrawal kept",
		edits: []edit{{
			"internal/localroute/cache.go",
			"if t.deaf || t.gen.Load() != gen {",
			"if t.deaf {",
		}},
		by: []selection{tests(localroute, "^TestAnswerOvertakenByWithdrawal$")},
	},
	{
		name: "holes in a range not looked for",
		edits: []edit{{
			"internal/localroute/table.go",
			"solid = t.kernel.solid(r.prefix)",
			"solid = t.kernel.solid(r.prefix) || true",
		}},
		by: []selection{tests(localroute, "^TestRangeWithHolesIsRememberedByAddress$|^TestHoles$")},
	},
	{
		name: "range remembered address by address",
		edits: []edit{{
			"internal/localroute/table.go",
			"if solid {\n\t\t\tk = p\n\t\t}\n",
			"",
		}},
		by: []selection{tests(localroute, "^TestRangeCostsOneEntry$")},
	},
	{
		name: "anycast not local",
		edits: []edit{{
			"internal/localroute/reply_linux.go",
			"r.local = f.kind == unix.RTN_LOCAL || f.kind == unix.RTN_ANYCAST",
			"r.local = f.kind == unix.RTN_LOCAL",
		}},
		by: []selection{tests(localroute, "^TestKernelAnswers$|^TestParseReply$")},
	},
	{
		name: "guard's memory without a bound",
		edits: []edit{{
			"internal/localroute/cache.go",
			"if len(t.prefixes) >= maxPrefixes {",
			"if len(t.prefixes) < 0 {",
		}},
		by: []selection{tests(localroute, "^TestMemoryIsBounded$")},
	},
	{
		name: "close does not release the guard",
		edits: []edit{{
			"dsrudp/close.go",
			"c.release.Stop()\n\t\tc.guard.Close()\n",
			"c.release.Stop()\n",
		}},
		by: []selection{tests(public, "^TestCloseReleases$")},
	},
	{
		name: "forgotten Conn does not release the guard",
		edits: []edit{{
			"dsrudp/setup.go",
			"func(t *localroute.Table) { t.Close() }",
			"func(t *localroute.Table) {}",
		}},
		by: []selection{tests(public, "^TestForgotten$")},
	},
	{
		name: "guard closed again by the collector, after Close",
		edits: []edit{{
			"dsrudp/close.go",
			"c.release.Stop()\n",
			"",
		}},
		by: []selection{tests(public, "^TestHalfway$")},
	},
	{
		name: "guard closed again by the collector, after listening failed",
		edits: []edit{
			{"dsrudp/equip.go", "\tg.add(c) //", "\tg.add(c.complete()) //"},
			{"dsrudp/listen.go", "return c.complete(), nil", "return c, nil"},
		},
		by: []selection{tests(public, "^TestHalfway$")},
	},
	{
		name: "guard not given back when listening fails late",
		edits: []edit{{
			"dsrudp/listen.go",
			"uc.Close()\n\t\ts.close()\n",
			"uc.Close()\n",
		}},
		by: []selection{tests(public, "^TestHalfway$")},
	},
	{
		name: "guard that cannot ask lets everything through",
		edits: []edit{{
			"dsrudp/guard.go",
			"return &sourceError{s.addr, remote, whyUnasked, err}",
			"return nil",
		}},
		by: []selection{tests(public, "^TestUnasked$")},
	},
	{
		name: "guard that Close took away taken for a source that is bad",
		edits: []edit{{
			"dsrudp/guard.go",
			"if err != nil && c.closed.Load() {",
			"if err != nil && c.closed.Load() && local {",
		}},
		by: []selection{tests(public, "^TestCheckMeetsClose$")},
	},
	{
		name: "received destination not taken as local",
		edits: []edit{{
			"dsrudp/guard.go",
			"c.guard.Received(&o.memo, s.addr, s.ifindex)",
			"_, _ = c.guard.Local(&o.memo, s.addr, s.ifindex)",
		}},
		by: []selection{tests(facts, "^TestGuard_Received$")},
	},
	{
		name: "received IPv4 destination not taken as local",
		edits: []edit{{
			"dsrudp/guard.go",
			"s.addr.Is4() && c.guard4 {",
			"s.addr.Is4() && c.guard4 && c.strict {",
		}},
		by: []selection{tests(facts, "^TestGuard_Received$")},
	},
}
