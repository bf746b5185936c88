// Package echo is what the compared programs have in common: what they answer,
// and that they go on answering.
package echo

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Port is the server's in Google's document.
const Port = 60002

// Prefix is what the echo puts before a request to make the answer.
const Prefix = "ECHO: "

// Told begins, after the request, what Tell adds to an answer.
const Told = " local="

// Reply returns the answer to a request.
func Reply(request []byte) []byte { return append([]byte(Prefix), request...) }

// Tell returns the answer to a request with what the program knows of where it
// was sent to and from.
func Tell(request []byte, local, remote fmt.Stringer) []byte {
	return fmt.Appendf(Reply(request), "%s%v remote=%v", Told, local, remote)
}

// Saw returns what an answer says that the program knows of a request: where it
// was sent to, and from.
func Saw(answer []byte) (local, remote netip.AddrPort, err error) {
	i := bytes.LastIndex(answer, []byte(Told))
	if i < 0 {
		return local, remote, fmt.Errorf("%q does not say what the program knows", answer)
	}
	var l, r string
	if _, err := fmt.Sscanf(string(answer[i:]), Told+"%s remote=%s", &l, &r); err != nil {
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
