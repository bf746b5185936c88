// Package echo is what the compared programs have in common: what they answer, and
// the loop in which they do. A program that does not receive or answer in a way of
// its own does it by Answer, which is counted as its own code.
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

// Reported begins, after the request, what Report adds to an answer.
const Reported = " local="

// Answer receives a request and answers it.
func Answer(c net.PacketConn, b []byte) error {
	n, client, err := c.ReadFrom(b)
	if err != nil {
		return err
	}
	_, err = c.WriteTo(Reply(b[:n]), client)
	return err
}

// AnswerWithReport is Answer with what the program knows of the request: the address of its own
// socket, which is the VIP only if it is bound to it.
func AnswerWithReport(c net.PacketConn, b []byte) error {
	n, client, err := c.ReadFrom(b)
	if err != nil {
		return err
	}
	_, err = c.WriteTo(Report(b[:n], c.LocalAddr(), client), client)
	return err
}

// Reply returns the answer to a request.
func Reply(request []byte) []byte { return append([]byte(Prefix), request...) }

// Report returns the answer to a request with what the program knows of where it
// was sent to and from.
func Report(request []byte, local, remote fmt.Stringer) []byte {
	return fmt.Appendf(Reply(request), "%s%v remote=%v", Reported, local, remote)
}

// Saw returns what an answer made by Report says: where the request was sent to,
// and from.
func Saw(answer []byte) (local, remote netip.AddrPort, err error) {
	i := max(0, bytes.LastIndex(answer, []byte(Reported)))
	var l, r string
	if _, err := fmt.Sscanf(string(answer[i:]), Reported+"%s remote=%s", &l, &r); err != nil {
		return local, remote, fmt.Errorf("%q: %w", answer, err)
	}
	local, errL := netip.ParseAddrPort(l)
	remote, errR := netip.ParseAddrPort(r)
	return local, remote, errors.Join(errL, errR)
}

// Serve answers until c is closed. An error is passed to failed, and the next
// request may fare better.
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
