package localroute_test

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

const seq = 7 // of the questions that the messages below answer

func nlmsg(kind, flags uint16, seq uint32, body ...byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	return append(append(b, 0, 0, 0, 0), body...)
}

func negative(errno unix.Errno) []byte { return number(uint32(-int32(errno))) }

func errorMsg(errno unix.Errno) []byte {
	return nlmsg(unix.NLMSG_ERROR, 0, seq, append(negative(errno), make([]byte, 16)...)...)
}

func routeMsg(p string, kind byte, table uint32) []byte {
	return nlmsg(unix.RTM_NEWROUTE, 0, seq, testRoute{prefix(p), kind, table, lo}.body()...)
}

func join(messages ...[]byte) (b []byte) {
	for _, m := range messages {
		b = append(b, m...)
	}
	return b
}

func TestParseReply(t *testing.T) {
	yes := func(p string, watched bool) localroute.Answer {
		return localroute.Answer{Local: true, Watched: watched, Prefix: prefix(p)}
	}
	no := localroute.Answer{}
	for _, test := range []struct {
		name string
		addr netip.Addr
		b    []byte
		want localroute.Answer
	}{
		{"address", vip, routeMsg("2001:db8::7/128", unix.RTN_LOCAL, 255), yes("2001:db8::7/128", true)},
		{"anycast", vip, routeMsg("2001:db8::7/128", unix.RTN_ANYCAST, 255), yes("2001:db8::7/128", true)},
		{"range", vip, routeMsg("2001:db8::/64", unix.RTN_LOCAL, 255), yes("2001:db8::/64", true)},
		{"everything", vip, routeMsg("::/0", unix.RTN_LOCAL, 1000), yes("::/0", false)},
		{"IPv4", vip4, routeMsg("192.0.2.7/32", unix.RTN_LOCAL, 255), yes("192.0.2.7/32", true)},
		{"IPv4, tables in one", vip4, routeMsg("192.0.2.7/32", unix.RTN_LOCAL, 254), yes("192.0.2.7/32", true)},
		{"IPv4 range", vip4, routeMsg("192.0.2.0/24", unix.RTN_LOCAL, 255), yes("192.0.2.0/24", false)},
		{"leftovers first", vip, join(
			nlmsg(unix.RTM_NEWROUTE, 0, seq-1, testRoute{prefix("::/0"), unix.RTN_UNICAST, 254, lo}.body()...),
			nlmsg(unix.NLMSG_DONE, 0, seq-2), nlmsg(unix.NLMSG_ERROR, 0, seq-3),
			routeMsg("2001:db8::7/128", unix.RTN_LOCAL, 255)), yes("2001:db8::7/128", true)},
		{"acknowledged first", vip, join(errorMsg(0), routeMsg("2001:db8::7/128", unix.RTN_LOCAL, 255)), yes("2001:db8::7/128", true)},
		{"unreachable", vip, errorMsg(unix.ENETUNREACH), no},
		{"no route", vip, errorMsg(unix.EHOSTUNREACH), no},
		{"prohibit", vip, errorMsg(unix.EACCES), no},
		{"blackhole", vip, errorMsg(unix.EINVAL), no},
	} {
		answer, done, err := localroute.ParseReply(test.b, seq, test.addr)
		require.NoError(t, err, test.name)
		require.True(t, done, test.name)
		require.Equal(t, test.want, answer, test.name)
	}
	for name, b := range map[string][]byte{
		"by route":     routeMsg("::/0", unix.RTN_UNICAST, 254),
		"by table 255": routeMsg("::/0", unix.RTN_UNICAST, 255),
		"multicast":    routeMsg("::/0", unix.RTN_MULTICAST, 255),
	} {
		answer, done, err := localroute.ParseReply(b, seq, vip)
		require.NoError(t, err, name)
		require.True(t, done, name)
		require.False(t, answer.Local, name)
	}
	for name, b := range map[string][]byte{
		"broadcast":      routeMsg("192.0.2.7/32", unix.RTN_BROADCAST, 255),
		"anycast":        routeMsg("192.0.2.7/32", unix.RTN_ANYCAST, 255), // IPv4 has none
		"table of a VRF": routeMsg("192.0.2.7/32", unix.RTN_LOCAL, 10),
	} {
		answer, _, err := localroute.ParseReply(b, seq, vip4)
		require.NoError(t, err, name)
		require.False(t, answer.Local, name)
	}
}

func TestParseReplyNotYet(t *testing.T) {
	for _, b := range [][]byte{
		nil,
		nlmsg(unix.RTM_NEWROUTE, 0, seq+1, testRoute{prefix("::/0"), unix.RTN_LOCAL, 255, lo}.body()...),
		nlmsg(unix.NLMSG_NOOP, 0, seq),
		errorMsg(0),
	} {
		answer, done, err := localroute.ParseReply(b, seq, vip)
		require.NoError(t, err)
		require.False(t, done)
		require.Zero(t, answer)
	}
}

func TestParseReplyMalformed(t *testing.T) {
	good := routeMsg("2001:db8::7/128", unix.RTN_LOCAL, 255)
	everything := []byte{unix.AF_INET6, 0, 0, 0, 255, 0, 0, unix.RTN_LOCAL, 0, 0, 0, 0}
	shortAttr := func(n byte) []byte {
		b := attr(unix.RTA_DST, vip.AsSlice())
		binary.NativeEndian.PutUint16(b, uint16(n))
		return nlmsg(unix.RTM_NEWROUTE, 0, seq, append(everything[:12:12], b...)...)
	}
	bad := map[string][]byte{
		"another address": routeMsg("2001:db8::8/128", unix.RTN_LOCAL, 255),
		"another family":  routeMsg("0.0.0.0/0", unix.RTN_LOCAL, 255),
		"no family":       nlmsg(unix.RTM_NEWROUTE, 0, seq, make([]byte, unix.SizeofRtMsg)...),
		"short error":     nlmsg(unix.NLMSG_ERROR, 0, seq, 1, 2),
		"positive error":  nlmsg(unix.NLMSG_ERROR, 0, seq, number(1)...),
		"huge error":      nlmsg(unix.NLMSG_ERROR, 0, seq, number(1<<31)...),
		"strange error":   errorMsg(unix.ENOMEM),
		"short address": nlmsg(unix.RTM_NEWROUTE, 0, seq, append(
			[]byte{unix.AF_INET6, 32, 0, 0, 255, 0, 0, unix.RTN_LOCAL, 0, 0, 0, 0}, attr(unix.RTA_DST, []byte{32, 1, 13, 184})...)...),
		"no address": nlmsg(unix.RTM_NEWROUTE, 0, seq, unix.AF_INET6, 1, 0, 0, 255, 0, 0, unix.RTN_LOCAL, 0, 0, 0, 0),
		"too many bits": nlmsg(unix.RTM_NEWROUTE, 0, seq, append(
			[]byte{unix.AF_INET6, 129, 0, 0, 255, 0, 0, unix.RTN_LOCAL, 0, 0, 0, 0}, attr(unix.RTA_DST, vip.AsSlice())...)...),
		"short table":      nlmsg(unix.RTM_NEWROUTE, 0, seq, append(everything[:12:12], attr(unix.RTA_TABLE, []byte{0, 0})...)...),
		"empty attribute":  shortAttr(0),
		"short attribute":  shortAttr(3),
		"hollow attribute": shortAttr(4),
	}
	for n := 1; n < len(good); n++ {
		bad["cut off"] = good[:n]
		for name, b := range bad {
			answer, done, err := localroute.ParseReply(b, seq, vip)
			require.Error(t, err, "%s %d", name, n)
			require.True(t, done)
			require.Zero(t, answer)
		}
		require.True(t, localroute.EndsLater(bad["cut off"]), "a notification that cannot be read may be any")
	}
	// A message whose length is right, and whose attributes' are not.
	for n := unix.SizeofNlMsghdr; n < len(good); n++ {
		b := append([]byte(nil), good[:n]...)
		binary.NativeEndian.PutUint32(b, uint32(n))
		_, _, err := localroute.ParseReply(b, seq, vip)
		if n != unix.SizeofNlMsghdr+unix.SizeofRtMsg+8+20 { // there only the interface is missing
			require.Error(t, err, "%d bytes", n)
		}
	}
}

func TestParseDump(t *testing.T) {
	const table = unix.RT_TABLE_LOCAL
	done := nlmsg(unix.NLMSG_DONE, 0, seq, number(0)...)
	for name, test := range map[string]struct {
		b    []byte
		hole bool
	}{
		"itself":           {routeMsg("2001:db8:96::/96", unix.RTN_LOCAL, table), false},
		"local inside":     {routeMsg("2001:db8:96::1/128", unix.RTN_LOCAL, table), false},
		"anycast inside":   {routeMsg("2001:db8:96::/128", unix.RTN_ANYCAST, table), false},
		"hole":             {routeMsg("2001:db8:96::1/128", unix.RTN_UNREACHABLE, table), true},
		"larger hole":      {routeMsg("2001:db8:96::8000:0/97", unix.RTN_UNICAST, table), true},
		"hole elsewhere":   {routeMsg("2001:db8:97::1/128", unix.RTN_UNREACHABLE, table), false},
		"hole around":      {routeMsg("2001:db8::/32", unix.RTN_UNREACHABLE, table), false},
		"shadow":           {routeMsg("2001:db8:96::/96", unix.RTN_UNREACHABLE, table), false},
		"table not asked":  {routeMsg("2001:db8:96::1/128", unix.RTN_UNREACHABLE, 254), false},
		"another question": {nlmsg(unix.RTM_NEWROUTE, 0, seq-1, testRoute{prefix("2001:db8:96::1/128"), unix.RTN_THROW, table, 0}.body()...), false},
	} {
		hole, ended, err := localroute.ParseDump(test.b, seq, vips)
		require.NoError(t, err, name)
		require.False(t, ended, name)
		require.Equal(t, test.hole, hole, name)

		hole, ended, err = localroute.ParseDump(join(test.b, routeMsg("::1/128", unix.RTN_LOCAL, table), done), seq, vips)
		require.NoError(t, err, name)
		require.True(t, ended, name)
		require.Equal(t, test.hole, hole, name)
	}
	hole, _, err := localroute.ParseDump(routeMsg("ff00::/8", unix.RTN_MULTICAST, table), seq, prefix("::/0"))
	require.NoError(t, err)
	require.False(t, hole)

	for name, b := range map[string][]byte{
		"interrupted": nlmsg(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, seq, number(0)...),
		"failed":      errorMsg(unix.EBUSY),
		"ended badly": nlmsg(unix.NLMSG_DONE, 0, seq, negative(unix.ENOENT)...),
	} {
		_, ended, err := localroute.ParseDump(b, seq, vips)
		require.Error(t, err, name)
		require.True(t, ended, name)
	}
	for name, b := range map[string][]byte{
		"cut off":  routeMsg("::1/128", unix.RTN_LOCAL, table)[:40],
		"no route": nlmsg(unix.RTM_NEWROUTE, 0, seq),
		"short address": nlmsg(unix.RTM_NEWROUTE, 0, seq, append(
			[]byte{unix.AF_INET6, 32, 0, 0, 255, 0, 0, unix.RTN_LOCAL, 0, 0, 0, 0}, attr(unix.RTA_DST, []byte{32, 1, 13, 184})...)...),
	} {
		_, ended, err := localroute.ParseDump(b, seq, vips)
		require.Error(t, err, name)
		require.False(t, ended, name)
	}
}

// Answers that somebody gave up waiting for are not taken for later ones.
func TestLeftovers(t *testing.T) {
	table := open(t, udpSocket(t))
	for range 10 {
		require.NoError(t, table.AskAndLeave(addr("127.0.0.1")))
		requireLocal(t, table, nil, addr("192.0.2.254"), false)
		require.NoError(t, table.AskAndLeave(addr("192.0.2.254")))
		requireLocal(t, table, nil, addr("127.1.2.3"), true)
	}
}

// When so many were left that the socket is full, the question is put again.
func TestFullOfLeftovers(t *testing.T) {
	table := open(t, udpSocket(t))
	for range 3000 {
		if err := table.AskAndLeave(addr("127.0.0.1")); err != nil {
			require.ErrorIs(t, err, unix.ENOBUFS)
		}
	}
	requireLocal(t, table, nil, addr("127.1.2.3"), true)
	requireLocal(t, table, nil, addr("192.0.2.254"), false)
}

func FuzzReply(f *testing.F) {
	f.Add(routeMsg("2001:db8::7/128", unix.RTN_LOCAL, 255))
	f.Add(routeMsg("2001:db8:96::8000:0/97", unix.RTN_UNICAST, 255))
	f.Add(routeMsg("192.0.2.7/32", unix.RTN_LOCAL, 254))
	f.Add(join(errorMsg(0), errorMsg(unix.EINVAL)))
	f.Add(nlmsg(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, seq, number(0)...))
	f.Add(nlmsg(unix.RTM_DELADDR, 0, 0, addrBody(prefix("2001:db8::7/64"), lo)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, a := range []netip.Addr{vip, vip4} {
			answer, done, err := localroute.ParseReply(b, seq, a)
			if err != nil || !done {
				require.Zero(t, answer)
				require.Equal(t, err != nil, done)
			}
			if answer.Local {
				require.True(t, answer.Prefix.Contains(a))
				require.Equal(t, answer.Prefix.Masked(), answer.Prefix)
			}
			// A leftover in front changes nothing.
			after, doneAfter, errAfter := localroute.ParseReply(join(nlmsg(unix.NLMSG_DONE, 0, seq+1), b), seq, a)
			require.Equal(t, answer, after)
			require.Equal(t, done, doneAfter)
			require.Equal(t, err, errAfter)
		}
		hole, _, _ := localroute.ParseDump(b, seq, vips)
		if hole {
			require.GreaterOrEqual(t, len(b), unix.SizeofNlMsghdr+unix.SizeofRtMsg+unix.SizeofRtAttr+16)
		}
		if len(b) > 0 && len(b) < unix.SizeofNlMsghdr {
			require.True(t, localroute.VoidsAnswers(b))
		}
	})
}
