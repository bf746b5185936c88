//go:build linux

package compare

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

var everyRepair = []string{None, DNATIPTables, DNATNFT, Mangle, Bind, BindDSRUDP, Pktinfo, DSRUDP}

// What the document says of its repairs and two VIPs is found, for all of them.
func TestTwoVIPs(t *testing.T) {
	r := compared(t, everyRepair, []string{"one-vip", "two-vips", "change"})
	require.Empty(t, r.Faults())
	require.Equal(t, "12 of 12 accepted (ecmp and maglev)", r.Cell(DSRUDP, "two-vips").Says)
	require.EqualValues(t, 24, r.Cell(DSRUDP, "two-vips").Numbers["accepted"])
	require.EqualValues(t, 24, r.Cell(None, "two-vips").Numbers["rejected"])
	require.Equal(t, NotMet, r.Cell(Mangle, "two-vips").Verdict)
	require.Equal(t, "198.51.100.2: 6 of 6 accepted; 198.51.100.101: 0 of 6 accepted; 6 rejected, with 198.51.100.2 for a source (ecmp and maglev)", r.Cell(Mangle, "two-vips").Says)
	for _, bind := range []string{Bind, BindDSRUDP} {
		require.Equal(t, "12 of 12 accepted (ecmp and maglev); bound to the first VIP alone: "+
			"198.51.100.2: 6 of 6 accepted; 198.51.100.101: 0 of 6 accepted; 6 refused (ECONNREFUSED) (ecmp and maglev)", r.Cell(bind, "two-vips").Says)
		require.EqualValues(t, 24, r.Cell(bind, "two-vips").Numbers["requests bound to one"])
		require.EqualValues(t, 12, r.Cell(bind, "two-vips").Numbers["accepted bound to one"])
	}
	require.Equal(t, Confirmed, claim(t, r, Bind, "several").Outcome)
	require.Equal(t, Confirmed, claim(t, r, Bind, "simple").Outcome)
	require.Equal(t, Confirmed, claim(t, r, Pktinfo, "complex").Outcome)
	require.Equal(t, NotMeasured, claim(t, r, Mangle, "CPU").Outcome)
	require.Equal(t, Met, r.Cell(Mangle, "one-vip").Verdict)
	require.Contains(t, r.Cell(None, "one-vip").Says, "0 of 6 accepted; 6 rejected, with 198.51.100.3")
	require.Equal(t, "one line for right answers; 3 to learn the VIP too", r.Cell(DSRUDP, "change").Says)
	require.Equal(t, "0 lines for right answers, as it is the naive program itself; it never learns the VIP; one command on every host for one VIP, 2 for two", r.Cell(DNATIPTables, "change").Says)
	require.Contains(t, r.Cell(Mangle, "change").Says, "; 3 commands on every host for one VIP, 4 for two, the last of which changes nothing: its rule never matches")
	require.Equal(t, "9 lines for right answers by a socket for each VIP, one line by one for one VIP alone; 10 to learn the VIP too", r.Cell(Bind, "change").Says)
	require.Equal(t, "16 lines for right answers; 23 to learn the VIP too", r.Cell(Pktinfo, "change").Says)
	for _, c := range r.Cells[:2*len(everyRepair)] {
		require.NotEmpty(t, c.Wires, c.Repair)
		require.NotEmpty(t, c.Wires[0].Packets, c.Repair)
	}
}

// The other questions find dsrudp right, and where they tell repairs apart, one
// that is not.
func TestDSRUDPMeetsAll(t *testing.T) {
	r := compared(t, []string{DSRUDP, DNATNFT}, []string{
		"internal-external", "direct", "one-port", "one-port-direct", "sees", "ipv6", "asymmetric", "broadcast", "fragments", "same-host",
	})
	require.Empty(t, r.Faults())
	require.Regexp(t, `^it saw the VIP of 0 of 12 \(it saw the wildcard address alone\), and the client's own port of [3-6], another one of [6-9] \(406\d\d as \d+\)$`,
		r.Cell(DNATNFT, "sees").Says)
	require.Equal(t, "it saw the VIP of 12 of 12, and the client's own port of 12", r.Cell(DSRUDP, "sees").Says)
	for _, q := range []string{"one-port", "one-port-direct"} {
		require.Regexp(t, `^12 of 12 accepted \(ecmp and maglev\); of 24 requests it got, the program saw the client's own port of (9|1[0-2]), another one of 1[2-5] \(\d+ as \d+\)$`,
			r.Cell(DNATNFT, q).Says)
		require.GreaterOrEqual(t, r.Cell(DNATNFT, q).Numbers["client ports rewritten"], 12.0)
		require.Equal(t, "port rewritten", r.Cell(DNATNFT, q).Short)
		require.Empty(t, r.Cell(DSRUDP, q).Short)
		require.Contains(t, r.Cell(DSRUDP, q).Says, "the program saw the client's own port of 24")
	}
}

// What answers do not tell is told by the wire and by silence.
func TestWhatFails(t *testing.T) {
	labtest.Need(t)
	r, err := Run(t.Context(), Options{
		Repairs: []string{None, Mangle, Bind, Pktinfo}, Bound: lossBound,
		Questions: []string{"internal-external", "direct", "one-port-direct", "ipv6", "asymmetric", "broadcast", "same-host"},
	})
	require.NoError(t, err)
	require.Empty(t, r.Faults())
	for _, c := range []struct{ repair, question, says string }{
		{None, "same-host", "1 of 3 accepted; 2 rejected, with 10.128.0.2 and 127.0.0.1 for a source"},
		{Mangle, "internal-external", "198.51.100.2: 6 of 6 accepted; 10.131.0.2: 0 of 6 accepted; 6 from 198.51.100.2, which did not reach the socket that asked"},
		{Mangle, "direct", "198.51.100.2: 6 of 6 accepted; 198.51.100.3: 0 of 6 accepted; 6 rejected, with 198.51.100.2 for a source"},
		{Bind, "direct", "198.51.100.2: 6 of 6 accepted; 198.51.100.3: 0 of 6 accepted; 6 refused (ECONNREFUSED)"},
		{Bind, "one-port-direct", "198.51.100.2: 6 of 6 accepted; 198.51.100.3: 0 of 6 accepted; 6 refused (ECONNREFUSED) (ecmp and maglev); of 12 requests it got, the program saw the client's own port of 12"},
		{Bind, "ipv6", "the program cannot bind (EADDRNOTAVAIL, cannot assign requested address) (ecmp and maglev)"},
		{Bind, "broadcast", "0 of 6 accepted; 6 that reached the server's host, which no answer left (the program sent 0 answers)"},
		{Pktinfo, "ipv6", "0 of 6 accepted; 6 that reached the server's host, which no answer left (the program: EINVAL, invalid argument) (ecmp and maglev)"},
		{Pktinfo, "asymmetric", "0 of 6 accepted; 6 that reached the server's host, which no answer left (the program sent 6 answers); a backend looked for the client among its neighbours on eth0"},
		{Pktinfo, "same-host", "2 of 3 accepted; 1 whose answer left the server's host by eth0 and did not arrive"},
	} {
		require.Equal(t, c.says, r.Cell(c.repair, c.question).Says)
	}
}

// A program that does not do what is expected of it is a surprise, and the
// comparison is not good.
func TestSabotage(t *testing.T) {
	labtest.Need(t)
	for _, program := range []program{naiveProgram, boundProgram} {
		rs := repairs()
		rs[len(rs)-1].program = program
		r, err := run(t.Context(), Options{
			Repairs: []string{Bind, DSRUDP}, Questions: []string{"direct", "one-vip"}, Bound: patience,
		}, rs, questions())
		require.NoError(t, err)
		require.Len(t, r.Faults(), 2, program.name)
		all := strings.Join(r.Faults(), "\n")
		require.Contains(t, all, ", dsrudp: not met, expected met (a promise of the library): ")
		require.Equal(t, program.name == "bound", strings.Contains(all, `, dsrudp: met, another repair was at work: "sockets of net, bound to an address`), all)
	}
	// A repair that works where it should not is one, too.
	rs := repairs()
	rs[4].program = dropinProgram
	r, err := run(t.Context(), Options{Repairs: []string{Bind}, Questions: []string{"direct"}, Bound: patience}, rs, questions())
	require.NoError(t, err)
	require.Len(t, r.Faults(), 1)
	require.Contains(t, r.Faults()[0], "bind to the VIP (net): met, expected not met (K10.3")
}

// So is one that fails, as it should, because its program does nothing at all.
func TestSabotageOfTheReason(t *testing.T) {
	labtest.Need(t)
	rs := repairs()
	for i := range rs {
		rs[i].program.answer = func(c net.PacketConn, b []byte) error {
			_, _, err := c.ReadFrom(b)
			return err
		}
	}
	r, err := run(t.Context(), Options{
		Repairs: []string{None, Pktinfo}, Questions: []string{"one-vip", "asymmetric"}, Bound: lossBound,
	}, rs, questions())
	require.NoError(t, err)
	require.Len(t, r.Faults(), 4)
	require.Contains(t, r.Faults()[0], "one VIP, IPv4, no repair (net): not met, as expected, but not for the reason that was (K1.1")
	require.Equal(t, NotMet, r.Cell(Pktinfo, "asymmetric").Verdict)
	require.True(t, r.Cell(Pktinfo, "asymmetric").Surprise)
}

func TestProgress(t *testing.T) {
	labtest.Need(t)
	last := 0
	_, err := Run(t.Context(), Options{
		Repairs: []string{None, DNATNFT, DSRUDP}, Questions: []string{"change"},
		Progress: func(done, all int, what string) {
			last++
			require.Equal(t, last, done)
			require.Equal(t, 3, all)
			require.Contains(t, what, "lines changed in the application: ")
		},
	})
	require.NoError(t, err)
	require.Equal(t, 3, last)
}

// What there is not cannot be asked for.
func TestUnknown(t *testing.T) {
	_, err := Run(t.Context(), Options{Repairs: []string{"hope"}})
	require.ErrorContains(t, err, `repair "hope": it is one of none, dnat-iptables`)
	_, err = Run(t.Context(), Options{Questions: []string{"why"}})
	require.ErrorContains(t, err, `question "why": it is one of one-vip`)
}
