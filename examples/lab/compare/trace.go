//go:build linux

package compare

import (
	"bytes"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A serverWire is a capture of one interface of a server's host.
type serverWire struct {
	dev string
	*lab.Capture
}

// trace finds out of requests of which nothing was heard whether they reached the
// server's host, and an answer left it. A request that got lost before stays
// lost: silence by itself proves nothing of a repair.
func trace(rs []*request, atServers ...serverWire) {
	for _, r := range rs {
		if r.outcome == lost {
			r.trace(atServers)
		}
	}
}

func (r *request) trace(atServers []serverWire) {
	for _, w := range atServers {
		for _, p := range w.Packets() {
			switch {
			case p.Kind != lab.UDP:
			case p.Outgoing && bytes.HasPrefix(p.Payload, []byte(echo.Prefix)) && bytes.Contains(p.Payload, r.payload):
				r.outcome, r.leftBy = astray, w.dev
				return
			case !p.Outgoing && r.isRequest(p):
				r.outcome = unanswered
			}
		}
	}
}

// isRequest says whether a packet is the request, or its first fragment.
func (r *request) isRequest(p lab.Packet) bool {
	return p.Src.Port() == r.from.Port() && p.Length == len(r.payload) && bytes.HasPrefix(r.payload, p.Payload)
}
