//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// firstPort is the client's port of the first request: the document's.
const firstPort = 40695

// volleySize is the number of requests on their way at the same time, at most.
// The queues they cross, those of captures above all, hold a few hundred packets.
const volleySize = 32

// A request is one datagram to a VIP, from a connected socket.
type request struct {
	from, to        netip.AddrPort
	payload, answer []byte
	conn            *net.UDPConn

	// What the client's wire has told so far.
	answered netip.AddrPort // where the answer came from
	refused  bool           // by the client's kernel
	told     bool           // all there is

	outcome outcome
	trace   trace
}

// newRequests returns count requests to each VIP. The first to each are from one
// port, the second from another, and so on: a server cannot tell by the client's
// address which VIP an answer must come from.
func newRequests(client netip.Addr, vips []netip.Addr, count int) []*request {
	var qs []*request
	for i := range count {
		for _, vip := range vips {
			payload := fmt.Appendf(nil, "request %d to %v", i+1, vip)
			qs = append(qs, &request{
				from:    netip.AddrPortFrom(client, firstPort+uint16(i)),
				to:      netip.AddrPortFrom(vip, lab.Port),
				payload: payload,
				answer:  append([]byte(prefix), payload...),
			})
		}
	}
	return qs
}

// ask sends the requests and finds out what becomes of each. Wire is a capture
// at the client.
func ask(ctx context.Context, client *lab.Host, wire *lab.Capture, qs []*request, bound time.Duration) error {
	for _, volley := range volleys(qs) {
		if err := fire(ctx, client, wire, volley, bound); err != nil {
			return err
		}
	}
	return nil
}

// volleys divides requests so that those from one port stay together if they can.
func volleys(qs []*request) [][]*request {
	perPort := 0
	for perPort < len(qs) && qs[perPort].from == qs[0].from {
		perPort++
	}
	size := volleySize
	if perPort < size {
		size -= size % perPort
	}
	return slices.Collect(slices.Chunk(qs, size))
}

// fire sends all requests of a volley before it reads an answer.
func fire(ctx context.Context, client *lab.Host, wire *lab.Capture, volley []*request, bound time.Duration) error {
	defer func() {
		for _, q := range volley {
			if q.conn != nil {
				q.conn.Close()
			}
		}
	}()
	for _, q := range volley {
		if err := q.dial(ctx, client); err != nil {
			return err
		}
	}
	for _, q := range volley {
		if _, err := q.conn.Write(q.payload); err != nil {
			return err
		}
	}
	watchCtx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if err := watch(watchCtx, wire, volley); err != nil {
		return err
	}
	for _, q := range volley {
		if err := q.settle(bound); err != nil {
			return fmt.Errorf("%s: %w", q.payload, err)
		}
	}
	return nil
}

// dial connects the request's socket. Sockets for several VIPs share a port,
// which SO_REUSEADDR allows; once connected, each takes its own VIP's answers.
func (q *request) dial(ctx context.Context, client *lab.Host) error {
	d := net.Dialer{
		LocalAddr: net.UDPAddrFromAddrPort(q.from),
		Control: func(_, _ string, c syscall.RawConn) error {
			var err error
			e := c.Control(func(fd uintptr) {
				err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
			})
			return errors.Join(e, err)
		},
	}
	return client.Do(func() error {
		c, err := d.DialContext(ctx, "udp", q.to.String())
		if err == nil {
			q.conn = c.(*net.UDPConn)
		}
		return err
	})
}
