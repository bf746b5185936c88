//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A row counts what became of a run's requests to one VIP.
type row struct {
	Server   string       `json:"server"`
	LB       lab.Balancer `json:"lb"`
	Family   family       `json:"family"`
	VIP      netip.Addr   `json:"vip"`
	Sent     int          `json:"sent"`
	Accepted int          `json:"accepted"`
	Rejected int          `json:"rejected"`
	Timeouts int          `json:"timeouts"`

	want outcome
}

// count returns the number of requests with an outcome.
func (r row) count(o outcome) int {
	return map[outcome]int{accepted: r.Accepted, rejected: r.Rejected, timedOut: r.Timeouts}[o]
}

// rows counts the run's requests, VIP by VIP.
func (r *run) rows() []row {
	var rows []row
	byVIP := make(map[netip.Addr]int)
	for _, q := range r.requests {
		vip := q.to.Addr()
		i, ok := byVIP[vip]
		if !ok {
			i = len(rows)
			byVIP[vip] = i
			rows = append(rows, row{Server: r.server.name, LB: r.balancer, Family: r.family, VIP: vip, want: r.server.want})
		}
		rows[i].Sent++
		switch q.outcome {
		case accepted:
			rows[i].Accepted++
		case rejected:
			rows[i].Rejected++
		case timedOut:
			rows[i].Timeouts++
		}
	}
	return rows
}

// faults says where the run differs from what is expected of its server: in
// outcomes, and in the source addresses on the wires.
func (r *run) faults() []string {
	var faults []string
	for _, row := range r.rows() {
		if n := row.count(row.want); n != row.Sent {
			faults = append(faults, fmt.Sprintf("%v, %v: of %d requests %d were accepted, %d rejected, and %d timed out; all should be %v",
				r, row.VIP, row.Sent, row.Accepted, row.Rejected, row.Timeouts, row.want))
		}
	}
	if len(faults) > 0 {
		return faults
	}
	for _, q := range r.requests {
		if f := r.sourceFault(q); f != "" {
			return []string{fmt.Sprintf("%v, %s: %s", r, q.payload, f)} // the first will do
		}
	}
	return nil
}

// sourceFault says which answer to a request came from another address than
// expected, at the backend or at the client: the VIP of an answer that is to be
// accepted, and the backend's own address of one that is to be rejected.
func (r *run) sourceFault(q *request) string {
	t := q.trace
	if t.backend < 0 {
		return "no backend got it, and yet there was an answer"
	}
	inside, outside := q.to, q.to
	if r.server.want == rejected {
		b := r.lab.Backends[t.backend]
		inside = netip.AddrPortFrom(r.family.own(b), lab.Port)
		outside = netip.AddrPortFrom(r.family.ownOutside(b), lab.Port)
	}
	for _, side := range []struct {
		where   string
		packets []lab.Packet
		from    netip.AddrPort
	}{
		{r.lab.Backends[t.backend].Name, t.server, inside},
		{"the client", t.client, outside},
	} {
		answers := 0
		for _, p := range side.packets {
			if !q.isAnswer(p) {
				continue
			}
			answers++
			if p.Src != side.from {
				return fmt.Sprintf("at %s the answer is from %v, not from %v", side.where, p.Src, side.from)
			}
		}
		if answers != 1 {
			return fmt.Sprintf("at %s there are %d answers, not 1", side.where, answers)
		}
	}
	return ""
}

// printJSON prints what -json promises.
func printJSON(w io.Writer, ok bool, rows []row) error {
	return json.NewEncoder(w).Encode(struct {
		OK   bool  `json:"ok"`
		Runs []row `json:"runs"`
	}{ok, rows})
}
