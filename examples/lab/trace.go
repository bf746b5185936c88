//go:build linux

package main

import (
	"net/netip"
	"slices"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A trace is what the captures of a run show of one request.
type trace struct {
	client  []lab.Packet // the request, its answers, and the client's refusal of them
	backend int          // the number of the backend that got the request, or -1
	server  []lab.Packet // the request and its answers at this backend
}

// traceAll finds the traces of all requests in what was captured.
func (r *run) traceAll() {
	atClient := byPort(r.atClient)
	var atBackends []map[netip.AddrPort][]lab.Packet
	for _, packets := range r.atBackends {
		atBackends = append(atBackends, byPort(packets))
	}
	for _, q := range r.requests {
		q.trace = trace{backend: -1}
		for _, p := range atClient[q.from] {
			if q.isAsked(p) || q.isAnswer(p) || q.isRefusal(p) {
				q.trace.client = append(q.trace.client, p)
			}
		}
		for i, at := range atBackends {
			if !slices.ContainsFunc(at[q.from], q.isAsked) {
				continue
			}
			q.trace.backend = i
			for _, p := range at[q.from] {
				if q.isAsked(p) || q.isAnswer(p) {
					q.trace.server = append(q.trace.server, p)
				}
			}
			break
		}
	}
}

// byPort sorts packets by the addresses that are in them.
func byPort(packets []lab.Packet) map[netip.AddrPort][]lab.Packet {
	sorted := make(map[netip.AddrPort][]lab.Packet)
	for _, p := range packets {
		for _, a := range []netip.AddrPort{p.Src, p.Dst, p.Inner.Dst} {
			if a.Port() != 0 {
				sorted[a] = append(sorted[a], p)
			}
		}
	}
	return sorted
}
