package main

var serving = []breakage{
	{
		name: "path lost on the later datagrams of a train",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"r.part.N = end - r.off\n",
			"r.part.N = end - r.off\n\tif r.off > 0 {\n\t\tr.in.info = &controlInfo{}\n\t}\n",
		}},
		by: []selection{tests(public, "^TestTrainSplit$")},
	},
	{
		name: "an append to a train's datagram writes to the next",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"r.whole.Buf[r.off:end:end]",
			"r.whole.Buf[r.off:end]",
		}},
		by: []selection{tests(public, "^TestTrainSplit$")},
	},
	{
		name: "Conns given to a Server that was shut down left open",
		edits: []edit{{
			"dsrudp/server.go",
			"if c.ok() && !c.served.Load() {",
			"if false {",
		}},
		by: []selection{tests(public, "^TestShutdownIdle$")},
	},
	{
		name: "another Server's Conn closed by one that was shut down",
		edits: []edit{{
			"dsrudp/server.go",
			"if c.ok() && !c.served.Load() {",
			"if c.ok() {",
		}},
		by: []selection{tests(public, "^TestShutdownIdle$")},
	},
	{
		name: "handler's panic not contained",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"if v := recover(); v != nil {",
			"if v := error(nil); v != nil {",
		}},
		by: []selection{tests(public, "^TestPanic$")},
	},
	{
		name: "rest of the batch dropped after a panic",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"r.panicked(v)\n",
			"r.panicked(v)\n\t\t\tr.i, r.seg = n-1, 0\n",
		}},
		by: []selection{tests(public, "^TestPanic$")},
	},
	{
		name: "rest of the train dropped after a panic",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"r.panicked(v)\n",
			"r.panicked(v)\n\t\t\tr.seg = 0\n",
		}},
		by: []selection{tests(public, "^TestTrainPanic$")},
	},
	{
		name: "panics not counted",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"r.c.count.panics.Add(1)",
			"r.c.count.panics.Add(0)",
		}},
		by: []selection{tests(public, "^TestPanic$")},
	},
	{
		name: "panic logged with what the handler made of the path",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"r.in.path().String()",
			"r.whole.Path.String()",
		}},
		by: []selection{tests(public, "^TestPanic$")},
	},
	{
		name: "late Write not refused",
		edits: []edit{{
			"dsrudp/replywriter.go",
			"if r.turn.Load() != w.turn {\n\t\treturn 0, errLate",
			"if r == nil {\n\t\treturn 0, errLate",
		}},
		by: []selection{tests(public, "^TestReplyWriterKept$")},
	},
	{
		name: "late WritePacket of a ReplyWriter not refused",
		edits: []edit{{
			"dsrudp/replywriter.go",
			"if r.turn.Load() != w.turn {\n\t\treturn errLate",
			"if r == nil {\n\t\treturn errLate",
		}},
		by: []selection{tests(public, "^TestReplyWriterKept$")},
	},
	{
		name: "answers not copied",
		edits: []edit{{
			"dsrudp/outbox.go",
			"return x.arena[at:]",
			"_ = at\n\treturn b",
		}},
		by: []selection{tests(public, "^TestReplySeveral$")},
	},
	{
		name: "buffers too short for a train",
		edits: []edit{{
			"dsrudp/buffers.go",
			"[: 1<<16 : 1<<16]",
			"[: 1<<11 : 1<<11]",
		}},
		by: []selection{tests(facts, "^TestK6_3_ShortBuffer$/^dsrudp$")},
	},
	{
		name: "interface index pinned for a Server's answers",
		edits: []edit{
			{"dsrudp/serverreply.go", "return r.out.add(r.out.items, p, s, t,", "s.ifindex, s.pinned = 2, true\n\treturn r.out.add(r.out.items, p, s, t,"},
		},
		by: []selection{tests(facts, "^TestPromise2_ServerAsymmetric$")},
	},
	{
		name: "memory for answers used again before they are sent",
		edits: []edit{{
			"dsrudp/serverreply.go",
			"if !r.out.fits(len(b)) {\n\t\tr.flush()",
			"if !r.out.fits(len(b)) {\n\t\tr.out.arena = r.out.arena[:0]",
		}},
		by: []selection{tests(public, "^TestReplySizes$")},
	},
	{
		name: "OnError not told of answers",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"if r.srv.OnError != nil {",
			"if r.srv.OnError != nil && !p.IsValid() {",
		}},
		by: []selection{tests(public, "^TestOnError$")},
	},
	{
		name: "batch that is full taken for the last",
		edits: []edit{{
			"internal/mmsg/loop_linux.go",
			"if n < b.to {",
			"if n <= b.to {",
		}},
		by: []selection{tests(public, "^TestServerSilent$")},
	},
	{
		name: "serving ends with the first failing read",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"case err == nil:\n\t\t\tcontinue\n",
			"case err == nil:\n\t\t\tcontinue\n\t\tdefault:\n\t\t\treturn r.c.readError(err)\n",
		}},
		by: []selection{tests(public, "^TestServerTransientError$")},
	},
	{
		name: "pauses between failing reads add up over good ones",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"\t\tpause = 0\n\t\tr.watch",
			"\t\tr.watch",
		}},
		by: []selection{tests(public, "^TestServerTransientError$")},
	},
}

// What ends a Server, or is to leave it alone.
var shutting = []breakage{
	{
		name: "Close from a handler waits for it",
		edits: []edit{{
			"dsrudp/close.go",
			"return c.sock.Expire()",
			"return c.sock.Close()",
		}},
		by: []selection{tests(public, "^TestCloseInHandler$")},
	},
	{
		name: "rest of the batch served after Close",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"for r.i < n && !r.c.closed.Load() {",
			"for r.i < n {",
		}},
		by: []selection{tests(public, "^TestCloseInHandler$")},
	},
	{
		name: "reads after Close on a served Conn not net.ErrClosed",
		edits: []edit{{
			"dsrudp/refuse.go",
			"if c.closed.Load() {",
			"if c.closed.Load() && !c.served.Load() {",
		}},
		by: []selection{tests(public, "^TestCloseInHandler$")},
	},
	{
		name: "a deadline undoes what Close and Shutdown wake the reader with",
		edits: []edit{{
			"dsrudp/deadline.go",
			"if c.closed.Load() || c.woken {",
			"if c.served.Load() && c.woken && c.closed.Load() {",
		}},
		by: []selection{tests(public, "^TestDeadlineAfterShutdown$")},
	},
	{
		name: "Shutdown drops the queue",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"return r.drain()",
			"return nil",
		}},
		by: []selection{tests(public, "^TestShutdownDrains$")},
	},
	{
		name: "Shutdown's drain ends with a failing read",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"if err != nil && !failed {",
			"if err != nil && failed {",
		}},
		by: []selection{tests(public, "^TestShutdownDrainsRefused$")},
	},
	{
		name: "Shutdown gives up and the Server goes on with its queue",
		edits: []edit{{
			"dsrudp/server.go",
			"r.c.Close() // also",
			"r.c.wake() // also",
		}},
		by: []selection{tests(public, "^TestShutdownGivesUp$")},
	},
	{
		name: "Shutdown gives up and a wait for room to send goes on",
		edits: []edit{{
			"dsrudp/server.go",
			"r.c.Close() // also",
			"r.c.closed.Store(true) // also",
		}},
		by: []selection{tests(facts, "^TestK8_4_ServerFull$/^dsrudp$/^IPv4$/^udp4$/^shut_down$")},
	},
	{
		name: "Shutdown returns before the handlers",
		edits: []edit{{
			"dsrudp/server.go",
			"if len(s.readers) == 0 {\n\t\ts.mu.Unlock()",
			"if len(s.readers) >= 0 {\n\t\ts.mu.Unlock()",
		}},
		by: []selection{tests(public, "^TestShutdownIdle$|^TestShutdownManyTimes$")},
	},
	{
		name: "reads beside a Server not refused",
		edits: []edit{{
			"dsrudp/refuse.go",
			"if c.served.Load() {\n\t\treturn errServed",
			"if c.served.Load() && c.gro {\n\t\treturn errServed",
		}},
		by: []selection{tests(public, "^TestServedReads$")},
	},
	{
		name: "Conns of a Serve that could not begin stay served",
		edits: []edit{{
			"dsrudp/server.go",
			"\t\t\t\tr.c.unserve()\n",
			"\t\t\t\t_ = r\n",
		}},
		by: []selection{tests(public, "^TestServeRefuses$")},
	},
	{
		name: "a served Conn's socket left open",
		edits: []edit{{
			"dsrudp/serving.go",
			"if closed {\n\t\tc.shut()",
			"if closed && c.gro {\n\t\tc.shut()",
		}},
		by: []selection{tests(public, "^TestShutdownIdle$")},
	},
	{
		name: "a served Conn's guard left open",
		edits: []edit{{
			"dsrudp/serving.go",
			"if closed {\n\t\tc.shut()",
			"if closed {\n\t\tc.sock.Close()",
		}},
		by: []selection{tests(public, "^TestServerLeavesNothing$")},
	},
	{
		name: "one other reader of several looked after",
		edits: []edit{{
			"dsrudp/serverpoller.go",
			"w.last%(len(w.waits)-1) + 1",
			"1",
		}},
		by: []selection{tests(public, "^TestPollerWatch$")},
	},
	{
		name: "reader that waited not seen to begin anew",
		edits: []edit{{
			"dsrudp/serverpoller.go",
			"if streak <= w.streak {",
			"if streak < 0 {",
		}},
		by: []selection{tests(public, "^TestPollerWatchLook$")},
	},
	{
		name: "reader that waited and is as busy again not seen to begin anew",
		edits: []edit{{
			"dsrudp/serverpoller.go",
			"if streak <= w.streak {",
			"if streak < w.streak {",
		}},
		by: []selection{tests(public, "^TestPollerWatchLook$")},
	},
	{
		name: "reader that is hardly busy looks after others",
		edits: []edit{{
			"dsrudp/serverpoller.go",
			"streak-w.streak < busyStreak",
			"streak-w.streak < busyStreak-1",
		}},
		by: []selection{tests(public, "^TestPollerWatchLook$")},
	},
	{
		name: "readers that know nothing of each other",
		edits: []edit{{
			"dsrudp/server.go",
			"\twatchPoller(readers)\n",
			"",
		}},
		by: []selection{tests(public, "^TestPollerWatchServed$")},
	},
	{
		name: "busy reader looks after nobody",
		edits: []edit{{
			"dsrudp/serverreader.go",
			"\t\tr.watch.look(r.in.batch.Streak(), r.in.batch)\n",
			"",
		}},
		by: []selection{tests(public, "^TestPollerWatchServed$")},
	},
	{
		name: "no thread woken for a reader that was overlooked",
		edits: []edit{{
			"dsrudp/serverpoller.go",
			"\t\tgo w.run()\n",
			"",
		}},
		by: []selection{tests(public, "^TestPollerWatch")},
	},
	{
		name: "another goroutine for the poller before one has run",
		edits: []edit{{
			"dsrudp/serverpoller.go",
			"if w.started.CompareAndSwap(false, true) {",
			"{",
		}},
		by: []selection{tests(public, "^TestHail$")},
	},
	{
		name: "no thread woken a second time",
		edits: []edit{{
			"dsrudp/serverpoller.go",
			"w.started.Store(false)",
			"w.started.Store(true)",
		}},
		by: []selection{tests(public, "^TestHail$")},
	},
	{
		name: "ended reader kept by the others of its Serve",
		edits: []edit{
			{
				"dsrudp/serverpoller.go",
				"type readersWaiting []*mmsg.Waiting",
				"type readersWaiting []*serverReader",
			},
			{
				"dsrudp/serverpoller.go",
				"waits[i] = r.in.batch.Waiting()",
				"waits[i] = r",
			},
			{
				"dsrudp/serverpoller.go",
				"w.waits[(w.self+w.last)%len(w.waits)])",
				"w.waits[(w.self+w.last)%len(w.waits)].in.batch.Waiting())",
			},
		},
		by: []selection{tests(public, "^TestReaderLetGo$")},
	},
	{
		name: "streak that goes on after a wait",
		edits: []edit{{
			"internal/mmsg/loop_linux.go",
			"\tb.streak = 0\n",
			"",
		}},
		by: []selection{tests(mmsg, "^TestBatchStreak$")},
	},
	{
		name: "reader in a handler taken for one that waits",
		edits: []edit{{
			"internal/mmsg/loop_linux.go",
			"\t\tb.fd = fd\n\t\tb.waiting.yes.Store(false)\n",
			"\t\tb.fd = fd\n",
		}},
		by: []selection{tests(mmsg, "^TestBatchLoopWaits$")},
	},
	{
		name: "reader that found its queue empty not seen to wait",
		edits: []edit{{
			"internal/mmsg/loop_linux.go",
			"b.errno == unix.EAGAIN:\n\t\t\t\treturn b.wait()\n",
			"b.errno == unix.EAGAIN:\n\t\t\t\treturn false\n",
		}},
		by: []selection{tests(mmsg, "^TestBatchLoopWaits$")},
	},
	{
		name: "reader that waits for nothing taken for overlooked",
		edits: []edit{{
			"internal/mmsg/loop_linux.go",
			"err == nil && n > 0",
			"err == nil && n >= 0",
		}},
		by: []selection{tests(mmsg, "^TestBatchOverlooks$")},
	},
	{
		name: "reader with a datagram in hand taken for overlooked",
		edits: []edit{{
			"internal/mmsg/loop_linux.go",
			"if other.yes.Load() {",
			"if other != nil {",
		}},
		by: []selection{tests(mmsg, "^TestBatchOverlooks$")},
	},
}
