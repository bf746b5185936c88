//go:build linux

package compare

import (
	"context"
	"fmt"
	"time"
)

const fullAsks = "20 000 clients ask. If the kernel keeps track of them, there come as many as its table holds (nf_conntrack_max), and ask again after two seconds, which makes the kernel keep them. " +
	"Then new clients ask (the naive program on the machine's own address). They must be answered. No other rule on the host uses connection tracking."

// fullMost is the largest table that is filled here: a connection takes some
// 256 bytes that are not to be had back at once.
const fullMost = 400_000

// assured is how long a client must go on, in both directions, before the kernel
// no longer drops it in favour of a new one.
const assured = 2 * time.Second

func full(ctx context.Context, ts []*trial, found func(int, finding)) error {
	each(len(ts), func(i int) {
		f, err := ts[i].fill(ctx)
		if err != nil {
			f = failed(err)
		}
		found(i, f)
	})
	return nil
}

// fill fills the table, if the repair uses it, and has new clients ask.
func (t *trial) fill(ctx context.Context) (f finding, err error) {
	s, err := newStand(t.repair)
	defer func() {
		if e := s.close(); err == nil {
			err = e
		}
	}()
	if err != nil {
		return f, err
	}
	size, err := conntrack(s.pair.server, "nf_conntrack_max")
	if err != nil {
		return f, err
	}
	if size > fullMost && t.repair.stateful {
		return tooLarge(size), nil
	}
	clients := t.effort.few
	if t.repair.stateful {
		clients = min(clients, size)
	}
	if err := s.ask(ctx, 0, clients); err != nil {
		return f, err
	}
	n, err := tracked(s.pair.server)
	if err != nil {
		return f, err
	}
	if n > 0 {
		if err := s.ask(ctx, clients, size); err != nil {
			return f, err
		}
		clients = size
		select {
		case <-time.After(assured + time.Second/4):
		case <-ctx.Done():
			return f, ctx.Err()
		}
		if _, err := s.crowd.ask(ctx, 0, clients); err != nil {
			return f, err
		}
		if n, err = tracked(s.pair.server); err != nil {
			return f, err
		}
	}
	return t.newcomers(ctx, s, clients, n, size)
}

// tooLarge is what is found out about a table that is not filled here.
func tooLarge(size int) finding {
	return finding{verdict: NeedsRoot, says: fmt.Sprintf("the table holds %s connections, too many to fill here; "+
		"root can make it smaller for a while: sysctl -w net.netfilter.nf_conntrack_max=%d", thousands(size), fullMost)}
}

// newcomers asks as clients that the kernel has not seen before.
func (t *trial) newcomers(ctx context.Context, s *stand, clients, tracked, size int) (finding, error) {
	wire, err := s.pair.client.Capture(pairDev)
	if err != nil {
		return finding{}, err
	}
	toVIP := requests(s.pair.client, wire, pairClient, ports, standVIP(t.repair))
	asked := toVIP
	var toOwn []*request
	if t.repair.stateful {
		toOwn = requests(s.pair.client, wire, pairClient, ports, pairServer)
		asked = append(asked[:len(asked):len(asked)], toOwn...)
	}
	atServer, err := s.pair.server.Capture(pairDev)
	if err != nil {
		return finding{}, err
	}
	err = ask(ctx, t.bound, asked...)
	trace(asked, serverWire{pairDev, atServer})
	if _, e := atServer.Stop(); err == nil {
		err = e
	}
	packets, stopErr := wire.Stop()
	if err == nil {
		err = stopErr
	}
	met, says := tally(toVIP)
	f := finding{
		verdict:  verdict(met),
		says:     fmt.Sprintf("%s clients, %s of %s connections in the table; new clients: %s", thousands(clients), thousands(tracked), thousands(size), says),
		happened: tallyByAddress(toVIP, ""),
		numbers:  map[string]float64{"clients": float64(clients), "entries": float64(tracked)},
		wires:    []Wire{{"client " + pairDev, packets}},
	}
	f.says += standNote(t.repair)
	if toOwn != nil {
		_, says := tally(toOwn)
		f.says += "; of the machine's own address, which is tracked too: " + says
	}
	return f, err
}
