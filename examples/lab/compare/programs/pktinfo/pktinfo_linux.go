// Package pktinfo is the document's last program: it asks for the control data of
// each datagram and hands it back with the answer as it came.
//
// That names the interface besides the address, so that the answer leaves where
// the request came in, whatever the routes say.
package pktinfo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
)

// Listen opens the program's socket, which is IPv4's, as the document's is.
func Listen([]netip.Addr) ([]net.PacketConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1) })
		return errors.Join(e, err)
	}}
	c, err := lc.ListenPacket(context.Background(), "udp4", fmt.Sprint(":", echo.Port))
	if err != nil {
		return nil, err
	}
	return []net.PacketConn{c}, nil
}

// Listen6 is Listen for IPv6, of which the document says nothing.
func Listen6([]netip.Addr) ([]net.PacketConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		e := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO, 1)
		})
		return errors.Join(e, err)
	}}
	c, err := lc.ListenPacket(context.Background(), "udp6", fmt.Sprint(":", echo.Port))
	if err != nil {
		return nil, err
	}
	return []net.PacketConn{c}, nil
}

// Answer receives a request and answers it.
func Answer(pc net.PacketConn, b []byte) error {
	c := pc.(*net.UDPConn)
	oob := make([]byte, 128)
	n, oobn, _, client, err := c.ReadMsgUDP(b, oob)
	if err != nil {
		return err
	}
	_, _, err = c.WriteMsgUDP(echo.Reply(b[:n]), oob[:oobn], client)
	return err
}

// AnswerWithReport is Answer, for IPv4, with what the program knows: the control data names
// the VIP.
func AnswerWithReport(pc net.PacketConn, b []byte) error {
	c := pc.(*net.UDPConn)
	oob := make([]byte, 128)
	n, oobn, _, client, err := c.ReadMsgUDP(b, oob)
	if err != nil {
		return err
	}
	_, _, err = c.WriteMsgUDP(echo.Report(b[:n], local(oob[:oobn]), client), oob[:oobn], client)
	return err
}

// local returns the address that control data names.
func local(oob []byte) *net.UDPAddr {
	var cm ipv4.ControlMessage
	if cm.Parse(oob) != nil {
		return nil
	}
	return &net.UDPAddr{IP: cm.Dst, Port: echo.Port}
}
