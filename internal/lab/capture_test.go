//go:build linux

package lab_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// pair returns two hosts joined by a cable, with the numbers 1 and 2 in 192.0.2.0/24
// and 2001:db8::/64.
func pair(t *testing.T) (a, b *lab.Host) {
	t.Helper()
	a, b = labtest.NewHost(t, "a"), labtest.NewHost(t, "b")
	require.NoError(t, lab.Connect(a, "eth0", b, "eth0"))
	for _, p := range []string{"192.0.2.%d/24", "2001:db8::%d/64"} {
		require.NoError(t, a.AddAddr("eth0", netip.MustParsePrefix(fmt.Sprintf(p, 1))))
		require.NoError(t, b.AddAddr("eth0", netip.MustParsePrefix(fmt.Sprintf(p, 2))))
	}
	return a, b
}

var (
	far  = netip.MustParseAddrPort("192.0.2.2:60002")
	far6 = netip.MustParseAddrPort("[2001:db8::2]:60002")
)

// What was sent before Stop, or Packets, is in the record, though nobody
// waited for it.
func TestCaptureMissesNothing(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	serve(t, b, far)
	c := dialFrom(t, a, far)
	for range 50 {
		record, err := a.Capture("eth0")
		require.NoError(t, err)
		for range 10 {
			_, err := c.Write([]byte("hi"))
			require.NoError(t, err)
		}
		require.Len(t, outgoing(record.Packets()), 10)
		_, err = c.Write([]byte("hi"))
		require.NoError(t, err)
		packets, err := record.Stop()
		require.NoError(t, err)
		require.Len(t, outgoing(packets), 11)

		again, err := record.Stop()
		require.NoError(t, err)
		require.Equal(t, packets, again)
		require.Equal(t, packets, record.Packets())
	}
}

func outgoing(packets []lab.Packet) (out []lab.Packet) {
	for _, p := range packets {
		if p.Outgoing {
			out = append(out, p)
		}
	}
	return out
}

func TestCaptureFields(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	serve(t, b, far)
	record := labtest.Capture(t, a, "eth0")
	before := time.Now()
	c := dialFrom(t, a, far)
	ask(t, c, "hello")
	after := time.Now()

	packets := record.Packets() // without the address resolution before them
	require.Len(t, packets, 2)
	client := addrPort(c.LocalAddr())
	for i, want := range []lab.Packet{
		{Outgoing: true, Kind: lab.UDP, Flow: lab.Flow{Src: client, Dst: far}, Length: 5, Payload: []byte("hello")},
		{Kind: lab.UDP, Flow: lab.Flow{Src: far, Dst: client}, Length: 7, Payload: []byte("b:hello")},
	} {
		p := packets[i]
		require.Equal(t, want.Outgoing, p.Outgoing)
		require.Equal(t, want.Kind, p.Kind)
		require.Equal(t, want.Flow, p.Flow)
		require.Equal(t, want.Length, p.Length)
		require.Equal(t, want.Payload, p.Payload)
		require.Zero(t, p.Inner)
		require.Equal(t, time.UTC, p.Time.Location())
		require.False(t, p.Time.Before(before.Round(0).Add(-time.Second)), "%v", p.Time)
		require.False(t, p.Time.After(after.Round(0).Add(time.Second)), "%v", p.Time)
		require.Len(t, p.Frame, 14+20+8+want.Length)
	}
	require.False(t, packets[1].Time.Before(packets[0].Time))
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	serve(t, b, far)
	record, err := b.Capture("eth0")
	require.NoError(t, err)
	c := dialFrom(t, a, far)
	is := func(payload string) func(lab.Packet) bool {
		return func(p lab.Packet) bool { return string(p.Payload) == payload }
	}

	ask(t, c, "one")
	for range 2 { // what is there is found, and found again
		p, err := record.WaitFor(patient(t), is("one"))
		require.NoError(t, err)
		require.Equal(t, "one", string(p.Payload))
	}

	found := make(chan error)
	go func() {
		_, err := record.WaitFor(patient(t), is("two"))
		found <- err
	}()
	ask(t, c, "other")
	ask(t, c, "two")
	require.NoError(t, <-found)

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := record.WaitFor(ctx, is("three"))
		found <- err
	}()
	cancel()
	require.ErrorIs(t, <-found, context.Canceled)

	go func() {
		_, err := record.WaitFor(patient(t), is("three"))
		found <- err
	}()
	_, err = record.Stop()
	require.NoError(t, err)
	require.ErrorContains(t, <-found, "no such packet among 6")
	_, err = record.WaitFor(patient(t), is("two"))
	require.NoError(t, err)
}

// A capture goes on when the interface has been down.
func TestCaptureOutlivesLinkDown(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	serve(t, b, far)
	record := labtest.Capture(t, a, "eth0")
	link, err := a.Link("eth0")
	require.NoError(t, err)
	require.NoError(t, a.Netlink().LinkSetDown(link))
	require.NoError(t, a.Up("eth0"))
	c := dialFrom(t, a, far)
	ask(t, c, "hi")
	require.Len(t, record.Packets(), 2)
}

// Every rejected datagram is answered, however many there are.
func TestRejections(t *testing.T) {
	t.Parallel()
	a, _ := pair(t)
	record := labtest.Capture(t, a, "eth0")
	for _, to := range []netip.AddrPort{far, far6} {
		c := dialFrom(t, a, to)
		var err error
		for range 500 {
			// It fails when the answer to another one has come before.
			for {
				if _, err = c.Write([]byte("hi")); !errors.Is(err, syscall.ECONNREFUSED) {
					break
				}
			}
			require.NoError(t, err)
		}
		answers := 0
		_, err = record.WaitFor(patient(t), func(p lab.Packet) bool {
			if p.Kind == lab.PortUnreachable && p.Inner.Dst == to {
				answers++
			}
			return answers == 500
		})
		require.NoError(t, err)
	}
}

// A message of segments is one packet to a capture, and as many datagrams as it
// has segments to the receiver.
func TestCaptureSegments(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	var receiver *net.UDPConn
	require.NoError(t, b.Do(func() (err error) {
		receiver, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(far))
		return err
	}))
	defer receiver.Close()
	record := labtest.Capture(t, a, "eth0")
	c := dialFrom(t, a, far)
	rc, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, 100)
	}))
	require.NoError(t, err)
	_, err = c.Write(make([]byte, 1000))
	require.NoError(t, err)

	packets := record.Packets()
	require.Len(t, packets, 1)
	require.Equal(t, 1000, packets[0].Length)
	require.Len(t, packets[0].Payload, 1000)
	require.NoError(t, receiver.SetReadDeadline(time.Now().Add(patience)))
	for range 10 {
		n, err := receiver.Read(make([]byte, 2000))
		require.NoError(t, err)
		require.Equal(t, 100, n)
	}
}

func TestPCAP(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, lab.Options{})
	record, err := l.Client.Capture("eth0")
	require.NoError(t, err)
	for _, f := range families {
		serveNaively(t, l, f)
		_, err = dial(t, l, f.vips(l)[0]).Write([]byte("hi"))
		require.NoError(t, err)
		_, err := record.WaitFor(patient(t), func(p lab.Packet) bool {
			return p.Kind == lab.PortUnreachable && p.Src.Addr() == f.client(l)
		})
		require.NoError(t, err)
	}
	packets, err := record.Stop()
	require.NoError(t, err)
	require.Len(t, packets, 6)

	var file bytes.Buffer
	require.NoError(t, lab.WritePCAP(&file, packets))
	require.Equal(t, []byte{0x4d, 0x3c, 0xb2, 0xa1}, file.Bytes()[:4], "the mark of a file with nanoseconds")
	r, err := pcapgo.NewReader(&file)
	require.NoError(t, err)
	require.Equal(t, layers.LinkTypeEthernet, r.LinkType())
	for _, p := range packets {
		data, info, err := r.ReadPacketData()
		require.NoError(t, err)
		require.True(t, p.Time.Equal(info.Timestamp), "%v and %v", p.Time, info.Timestamp)
		require.Equal(t, len(p.Frame), info.Length)
		require.Equal(t, p.Frame, data)
		// An independent reader finds the same in it.
		read := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		require.Nil(t, read.ErrorLayer())
		require.Equal(t, p.Src.Addr().String(), read.NetworkLayer().NetworkFlow().Src().String())
		require.Equal(t, p.Kind == lab.UDP, read.Layer(layers.LayerTypeUDP) != nil)
	}
	_, _, err = r.ReadPacketData()
	require.ErrorIs(t, err, io.EOF)
}

// A record with a gap is not taken for a whole one.
func TestCaptureReportsLoss(t *testing.T) {
	t.Parallel()
	h := labtest.NewHost(t, "h")
	record, err := h.Capture("lo")
	require.NoError(t, err)
	to := netip.MustParseAddrPort("127.0.0.1:60002")
	serve(t, h, to)
	c := dialFrom(t, h, to)
	resume := record.Pause()
	for range 1000 { // far more than the queue holds
		_, err := c.Write(make([]byte, 60000))
		require.NoError(t, err)
	}
	resume()
	_, err = record.Stop()
	require.ErrorContains(t, err, "dropped")
}
