// Package echo is what the compared programs have in common: what they answer,
// and that they go on answering.
package echo

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// Port is the server's in Google's document.
const Port = 60002

// Prefix is what the echo puts before a request to make the answer.
const Prefix = "ECHO: "

// Who begins requests that ask what the program knows of them.
const Who = "who "

// Reply returns the answer to a request, given what the program knows of where
// it was sent to and from. For a request that begins with Who the answer ends
// with that.
func Reply(request []byte, local, remote net.Addr) []byte {
	answer := append([]byte(Prefix), request...)
	if bytes.HasPrefix(request, []byte(Who)) {
		answer = fmt.Appendf(answer, " local=%v remote=%v", destination(local, remote), source(remote))
	}
	return answer
}

// destination returns the address that a request was sent to, if the address of
// its sender tells: that is a method of dsrudp's.
func destination(local, remote net.Addr) netip.AddrPort {
	if p, ok := dsrudp.PathOf(remote); ok {
		return p.Local
	}
	return source(local)
}

func source(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Saw returns what an answer says that the program knows of a request: where it
// was sent to, and from.
func Saw(answer []byte) (local, remote netip.AddrPort, err error) {
	i := bytes.LastIndex(answer, []byte(" local="))
	if i < 0 {
		return local, remote, fmt.Errorf("%q does not say what the program knows", answer)
	}
	var l, r string
	if _, err := fmt.Sscanf(string(answer[i:]), " local=%s remote=%s", &l, &r); err != nil {
		return local, remote, fmt.Errorf("%q: %w", answer, err)
	}
	local, errL := netip.ParseAddrPort(l)
	remote, errR := netip.ParseAddrPort(r)
	return local, remote, errors.Join(errL, errR)
}

// Serve answers until c is closed. What fails is told to failed, and the next
// client may fare better.
func Serve(c net.PacketConn, answer func(c net.PacketConn, b []byte) error, failed func(error)) {
	b := make([]byte, 1<<16)
	for {
		switch err := answer(c, b); {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			failed(err)
		}
	}
}
