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
	"golang.org/x/net/ipv6"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
)

// Listen opens the program's sockets.
func Listen(vips []netip.Addr) ([]net.PacketConn, error) {
	var cs []net.PacketConn
	for _, o := range []struct {
		network       string
		level, option int
	}{
		{"udp4", syscall.IPPROTO_IP, syscall.IP_PKTINFO},
		{"udp6", syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO},
	} {
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			var err error
			e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), o.level, o.option, 1) })
			return errors.Join(e, err)
		}}
		c, err := lc.ListenPacket(context.Background(), o.network, fmt.Sprint(":", echo.Port))
		if err != nil {
			return cs, err
		}
		cs = append(cs, c)
	}
	return cs, nil
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

// Tell is Answer with what the program knows: the control data names the VIP.
func Tell(pc net.PacketConn, b []byte) error {
	c := pc.(*net.UDPConn)
	oob := make([]byte, 128)
	n, oobn, _, client, err := c.ReadMsgUDP(b, oob)
	if err != nil {
		return err
	}
	_, _, err = c.WriteMsgUDP(echo.Tell(b[:n], local(oob[:oobn], client), client), oob[:oobn], client)
	return err
}

// local returns the address that control data names.
func local(oob []byte, client *net.UDPAddr) *net.UDPAddr {
	var cm4 ipv4.ControlMessage
	var cm6 ipv6.ControlMessage
	if client.IP.To4() != nil && cm4.Parse(oob) == nil {
		return &net.UDPAddr{IP: cm4.Dst, Port: echo.Port}
	}
	if cm6.Parse(oob) == nil {
		return &net.UDPAddr{IP: cm6.Dst, Port: echo.Port}
	}
	return nil
}
