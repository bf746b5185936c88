//go:build linux

package load

// messages returns how many messages to send when there is room for a number of
// datagrams: whole flows, so that none is parted by the end of a system call.
func (g *Generator) messages(datagrams int) int {
	n := min(datagrams/g.load.Train, maxBatch)
	if n > g.load.Flow {
		n -= n % g.load.Flow
	}
	return n
}

// closedLoop keeps a window of datagrams in flight. On a processor shared with the
// server the two take turns: a whole window is sent, the server answers all of
// it, then all replies are taken.
func (g *Generator) closedLoop(s *span) {
	per := g.load.Window / g.load.Sockets
	flying := make([]int, len(g.fds))
	progress := now()
	for {
		t := now()
		if s.over(t) {
			break
		}
		moved := false
		for k := range g.fds {
			if flying[k] > 0 {
				if n := g.receive(int(g.fds[k].Fd)); n > 0 {
					flying[k] = max(flying[k]-n, 0)
					moved = true
				}
			}
			// Less than half a window is not worth a system call.
			if free := per - flying[k]; flying[k] == 0 || free >= (per+1)/2 {
				flying[k] += g.send(int(g.fds[k].Fd), g.messages(free))
			}
		}
		if g.load.Pause > 0 {
			sleepUntil(now() + g.load.Pause)
		}
		switch {
		case moved:
			progress = t
		case t-progress > patience:
			for k := range flying {
				g.count.Lost += flying[k]
				flying[k] = 0
			}
			progress = t
		default:
			wait(g.fds, patience)
		}
	}
	s.close()
	g.collect(flying)
}

// collect takes the replies that come after the end, which are judged and else
// do not count.
func (g *Generator) collect(flying []int) {
	counted := g.count
	missing := 0
	for _, n := range flying {
		missing += n
	}
	for progress := now(); missing > 0 && now()-progress <= patience; {
		wait(g.fds, patience)
		for _, fd := range g.fds {
			if n := g.receive(int(fd.Fd)); n > 0 {
				missing -= n
				progress = now()
			}
		}
	}
	counted.All = g.count.All
	g.count = counted
}
