package main

// Breakages of what README.md promises, by the number of the promise: two or more for each,
// and 40 in all at most. They are those that a change is likely to make again.
var breakages = []breakage{
	{
		1, "source not given to the kernel", "dsrudp", "^TestPromise6_TwoVIPs$",
		"internal/source/source.go", "if l.Out != 0 || l.Addr.IsValid() && l.Addr != s.bound.Addr {", "if l.Out != 0 {",
	},
	{
		1, "ambiguous remotes taken for known ones", "internal/pathmem", "^TestPromise1_Find$",
		"internal/pathmem/pathmem.go", "seen.meta |= v.meta & isMany\n", "",
	},
	{
		1, "address without its marker believed", "internal/udpaddr", "^TestVoided$",
		"internal/udpaddr/udpaddr.go", "binary.NativeEndian.Uint64(t[offMarker:]) != marker(a.Zone) || ", "",
	},
	{
		1, "lost path left to the kernel", "internal/source", "^TestPromise1_Memory$",
		"internal/source/choose.go", "case pathmem.Lost:\n\t\treturn ErrNoPath", "case pathmem.Lost:\n\t\treturn s.finish(h)",
	},
	{
		1, "Strict ignored", "dsrudp", "^TestPromise1_(Unknown|Ambiguous)Remote$",
		"internal/source/choose.go", "if s.Strict {", "if s.Strict && false {",
	},
	{
		1, "path of another port honoured", "internal/source", "^TestPromise1_Carried$",
		"internal/source/choose.go", "case !ok || c.Local.Port() != s.port:", "case !ok:",
	},
	{
		1, "raw writes let round the Conn", "dsrudp", "^TestPromise1_T1_RawRefused$",
		"dsrudp/raw.go", "if err := r.allowed(); err != nil {", "if err := r.allowed(); err != nil && err != ErrRawIO {",
	},
	{
		2, "arrival interface kept", "internal/lab/facts", "^TestPromise2_ServerAsymmetric$",
		"internal/source/arrive.go", "\t\ta.Local.Addr = l\n", "\t\ta.Local.Addr, a.Local.Out = l, info.Ifindex\n",
	},
	{
		2, "interface kept beside the caller's source", "internal/lab/facts", "^TestPromise2_IndexBesideSource$",
		"internal/source/choose.go", "\t\tif needsInterface(to) {", "\t\tif true {",
	},
	{
		2, "interface without a source left out", "internal/lab/facts", "^TestPromise2_IndexToGroup$",
		"internal/source/choose.go", "\th.Local.Out = ifindex\n\tif scoped", "\tif scoped",
	},
	{
		2, "interface of the request lost", "internal/source", "^TestT5_ByInterface$",
		"internal/source/choose.go", "\ts.LeaveBy(c.Ifindex, h)\n", "",
	},
	{
		3, "broadcast answered from another interface's address", "internal/source", "^TestPromise3_Arrived$",
		"internal/source/arrive.go", "l = s.groupSource(l, info.Ifindex)", "s.groupSource(l, info.Ifindex)",
	},
	{
		3, "group taken for a source", "internal/pktinfo", "^TestParse$",
		"internal/pktinfo/parse.go", "case dst.IsMulticast():", "case dst.IsMulticast() && dst.Is4():",
	},
	{
		4, "level of the control message by the socket", "internal/source", "^TestAppendControl$",
		"internal/source/source.go", "v4 := h.Remote.AddrPort.Addr().Is4()\n\tl :=", "v4 := s.Family != pktinfo.IPv6\n\tl :=",
	},
	{
		4, "IPv6 VIP that is a local route not sent from", "internal/lab/facts", "^TestK2_2_SendFromVIP$",
		"dsrudp/listen.go", "if s.wantsFreeBind(bind) {", "if s.lc.FreeBind {",
	},
	{
		5, "source that is not local sent from", "internal/lab/facts", "^TestK2_5_ForeignSource$",
		"internal/source/check.go", "case !local:\n\t\treturn &notLocalError{a, remote, whyNotHere(a), nil}", "case !local:",
	},
	{
		5, "bound source not checked", "internal/lab/facts", "^TestK2_10_AdoptedAfterWithdrawal$",
		"internal/source/check.go", "if !s.guards(a) {\n\t\treturn nil", "if !s.guards(a) || !s.Wildcard() {\n\t\treturn nil",
	},
	{
		5, "answer good for ever", "internal/localroute", "^TestPromise5_Clock$",
		"internal/localroute/answers.go", "t.old, t.young = t.young, answers{}", "t.old = t.young",
	},
	{
		5, "source not checked again after a wait", "internal/lab/facts", "^TestPromise5_WithdrawnWhileWaiting$",
		"dsrudp/write.go", "if err := c.sock.WaitRoom(0); err != nil {\n\t\t\t\treturn err\n\t\t\t}", "if err := c.sock.WaitRoom(0); err != nil {\n\t\t\t\treturn err\n\t\t\t}\n\t\t\t_, err := c.sock.TrySend(m, b, c.source.AppendControl(control, h), &h.Remote)\n\t\t\treturn err",
	},
	{
		5, "source of which the kernel cannot be asked", "dsrudp", "^TestPromise5_NotAsked$",
		"internal/source/check.go", "case err != nil:\n\t\treturn &notLocalError{a, remote, whyNotAsked, err}", "case err != nil:",
	},
	{
		6, "nil *net.UDPAddr in a net.Addr", "dsrudp", "^TestPromise6_BesideNet$",
		"dsrudp/read.go", "if addr == nil {\n\t\treturn n, nil, err", "if addr == nil && err == nil {\n\t\treturn n, nil, err",
	},
	{
		6, "library's control messages before the caller's", "dsrudp", "^TestT13_K5_2_ControlMessages$",
		"dsrudp/msg.go", "pktinfo.Cut(oob, d.Control, c.own)", "pktinfo.Cut(oob, d.Control, pktinfo.Messages{IPv4: true, IPv6: true})",
	},
	{
		7, "one failure ends a list", "internal/batch", "^TestPromise7_Flush$",
		"internal/batch/flush.go", "default:\n\t\t\ts.fail(err)", "default:\n\t\t\ts.fail(err)\n\t\t\ts.next = len(s.messages)",
	},
	{
		7, "handler's panic not recovered", "dsrudp", "^TestPromise7_Panic$",
		"dsrudp/reply.go", "v := recover()", "v := any(nil)",
	},
	{
		7, "refusals not counted", "dsrudp", "^TestPromise1_Promise7_WritePackets$",
		"dsrudp/stats.go", "n.refused.Add(uint64(k))", "n.refused.Add(0)",
	},
	{
		7, "write waits behind one that waits", "dsrudp", "^TestPromise7_RoomForOthers$",
		"internal/mmsg/msg_linux.go", "err := s.raw.Control(m.send)", "err := s.raw.Write(func(fd uintptr) bool { m.doSend(fd); return true })",
	},
	{
		7, "ReplyWriter that outlives its turn", "dsrudp", "^TestPromise1_ReplyWriterKept$",
		"dsrudp/reply.go", "\tk.turn++\n", "",
	},
	{
		7, "Shutdown serves what comes meanwhile", "dsrudp", "^TestPromise9_ServedBusy$",
		"dsrudp/reader.go", "\t\t\tleft -= n\n", "",
	},
	{
		7, "error of an earlier datagram taken for the reply's", "dsrudp", "^TestT18_ICMP$",
		"internal/batch/flush.go", "if s.Patience > 0 && mayBeEarlier(err) {", "if false {",
	},
	{
		8, "path memory without a bound", "internal/pathmem", "^TestPromise8_Bound$",
		"internal/pathmem/pathmem.go", "if len(s.young) == max {", "if len(s.young) < 0 {",
	},
	{
		8, "a flood of remotes allocates", "internal/pathmem", "^TestPromise8_Allocations$",
		"internal/pathmem/pathmem.go", "s.young, s.old = s.old, s.young", "s.young, s.old = nil, s.young",
	},
	{
		8, "callback allocated for each send", "dsrudp", "^TestPromise8_Allocations$",
		"internal/mmsg/msg_linux.go", "err := s.raw.Control(m.send)", "err := s.raw.Control(func(fd uintptr) { m.doSend(fd) })",
	},
	{
		9, "write deadline ignored", "dsrudp", "^TestPromise9_Deadlines$",
		"dsrudp/write.go", "if err := c.sock.WriteExpired(); err != nil {\n\t\t\treturn err\n\t\t}\n", "",
	},
	{
		9, "Close seen as a deadline", "dsrudp", "^TestPromise9_CloseInHandler$",
		"dsrudp/close.go", "if c.closed.Load() && errors.Is(err, os.ErrDeadlineExceeded) {", "if c.closed.Load() && errors.Is(err, os.ErrInvalid) {",
	},
	{
		10, "truncation not reported", "dsrudp", "^TestPromise10_Truncation$",
		"dsrudp/read.go", "if d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0 {\n\t\terr = ", "if d.Flags&mmsg.FlagCtrunc != 0 {\n\t\terr = ",
	},
	{
		10, "Packet not marked truncated", "dsrudp", "^TestPromise10_PacketsReceived$",
		"dsrudp/packet.go", "p.Truncated = d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0", "p.Truncated = false",
	},
	{
		11, "busy reader never yields", "internal/mmsg", "^TestPromise11_LoopYields$",
		"internal/mmsg/in_linux.go", "if t-in.yield < yieldEach {", "if t >= 0 {",
	},
	{
		11, "raw call that sends without a bound", "internal/mmsg", "^TestPromise11_Bound$",
		"internal/mmsg/out_linux.go", "maxCall = 1 << 17", "maxCall = 1 << 30",
	},
	{
		12, "Server answers itself", "dsrudp", "^TestPromise12_Self$",
		"dsrudp/self.go", "case c.source.IsLocal(from, d.From.Ifindex):\n\t\t\treturn true", "case c.source.IsLocal(from, d.From.Ifindex):",
	},
	{
		12, "peer of an equal port taken for the Server", "dsrudp", "^TestPromise12_Self$",
		"dsrudp/self.go", "if a.bound.Addr == from && a.bound.Ifindex == d.From.Ifindex {", "if true {",
	},
}
