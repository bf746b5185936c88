//go:build linux

package compare

import (
	"context"
	"fmt"
	"regexp"
)

// A Question is put to every repair.
type Question struct {
	ID    string `json:"id"`
	Title string `json:"title"`

	// Asks says what exactly is asked, and when it is met.
	Asks string `json:"asks"`

	// One of the two: ask puts the question to one repair, and is called for
	// several at the same time; measure puts it to all of them, for measurements
	// that must not disturb each other, and returns a cell for each.
	ask     func(ctx context.Context, t *trial) (Cell, error)
	measure func(ctx context.Context, ts []*trial) ([]Cell, error)

	// but is what has to come, where that is not what is usual.
	but map[string]expectation
}

// An expectation is the verdict that has to come, and why: by a fact of the
// kernel's, whose number is that of the tests in internal/lab/facts, or by what
// the library promises. The zero value is of a measurement that need not come out
// one way or the other.
//
// A verdict alone would not do: a question is not met either if the server never
// ran. So there is also what has to have happened, in every network of the question
// and to the end.
type expectation struct {
	verdict  Verdict
	why      string
	happened string // a regular expression; empty if the verdict says all
}

// differs says in what a cell is not as expected, or nothing if it is. What could not
// be found out is no other result; whether it is a fault is for Faults to say.
func (e expectation) differs(c Cell) string {
	switch {
	case e.verdict == "" || c.Verdict == TooLarge || c.Verdict == Failed:
		return ""
	case c.Verdict != e.verdict:
		return fmt.Sprintf("expected %s (%s)", e.verdict, e.why)
	case e.happened == "":
		return ""
	}
	for _, h := range c.Happened {
		if !regexp.MustCompile("^(?:" + e.happened + ")$").MatchString(h) {
			return fmt.Sprintf("as expected, but not for the reason that was (%s): %q", e.why, h)
		}
	}
	if len(c.Happened) == 0 {
		return fmt.Sprintf("as expected, but not for the reason that was (%s): nothing is known", e.why)
	}
	return ""
}

// expected returns what has to come of the question for a repair.
func (q Question) expected(repair string) expectation {
	if e, ok := q.but[repair]; ok {
		return e
	}
	return usually[repair]
}

// Reasons that several cells have.
const (
	ownSource    = "K1.1: sendto leaves from the machine's own address"
	vipOnly      = "K10.1: the rule is for the VIP alone"
	portChanged  = "K10.1: one client port for two addresses is rewritten"
	firstRule    = "K10.2: a second rule never matches"
	allRewrites  = "K10.2: every answer gets the VIP"
	boundOnly    = "K10.3: a bound socket takes no other address"
	boundSource  = "K10.3: one socket for each VIP"
	noPrerouting = "what a host sends to itself does not pass PREROUTING"
	promised     = "a promise of the library"
	nothingKept  = "the kernel keeps nothing of UDP clients"
	sameProgram  = "by definition: it is the naive program"
	noneNeeded   = "what needs no tracking can do without"
	untracked    = "what is not tracked is not translated"
	noVIPTold    = "recvfrom has no destination"
)

// usually is what comes of a question that a repair meets.
var usually = map[string]expectation{
	None:         {Met, "the machine's own address is the right one", ""},
	DNATIPTables: {Met, "K10.1: with a rule for each VIP", ""},
	DNATNFT:      {Met, "K10.1: with a rule for each VIP", ""},
	Mangle:       {Met, "K10.2: one VIP works", ""},
	Bind:         {Met, boundSource, ""},
	BindDSRUDP:   {Met, promised, ""},
	Pktinfo:      {Met, "K1.4, K10.4: the way back is the way of the request", ""},
	DSRUDP:       {Met, promised, ""},
}

// Addresses: those of a lab's two VIPs, and of its backends, also on the internet.
const (
	vip1 = `198\.51\.100\.2`
	vip2 = `198\.51\.100\.101`
	own  = `198\.51\.100\.3`
	owns = `(198\.51\.100\.[34]|198\.51\.100\.3 and 198\.51\.100\.4)`
)

// Patterns of what becomes of so many requests to an address.
const (
	sixAccepted = `6 of 6 accepted`
	sixRefused  = `0 of 6 accepted; 6 refused \(ECONNREFUSED\)`
	sixSilent   = `0 of 6 accepted; 6 that reached the server's host, which no answer left`
	sawAll      = `; the program saw the client's own port of 12`
	sawSix      = `; the program saw the client's own port of 6`
	// The gateway tracks an answer that leaves from the own address as a connection of its
	// own. A request to that address from the same port that comes after it gets another.
	sawMost = `; the program saw the client's own port of (12|1[01], another one of [12]|[6-9], another one of [3-6])`
	// Of each two one at least: the port that the kernel takes at random for one request
	// may be the next client's own, who then gets another for both.
	sawOthers = `the client's own port of [3-6], another one of [6-9]`
)

// rejected is the pattern of so many answers that the client's kernel refused because
// of their source.
func rejected(n int, source string) string {
	return fmt.Sprintf("0 of %d accepted; %d rejected, with %s for a source", n, n, source)
}

// dropped is the pattern of answers from an address that the same client port asks
// too: they come to the socket that asks it.
func dropped(source string) string {
	return "0 of 6 accepted; 6 from " + source + ", which did not reach the socket that asked"
}

// droppedOrRejected is dropped where they may also come to no socket: if they leave
// after that one's request has passed the gateway, whose NAT then takes the port for
// in use and gives them another.
func droppedOrRejected(source string) string {
	r, d := `\d rejected, with `+source+` for a source`, `\d from `+source+`, which did not reach the socket that asked`
	return "0 of 6 accepted; (" + r + "|" + d + "|" + r + "; " + d + ")"
}

// each is one pattern for the requests to either of two addresses.
func each(a, became, b, alsoBecame string) string {
	return a + ": " + became + "; " + b + ": " + alsoBecame
}

// but is what has to come of one question, where that is not what is usual. Dnat is
// for either DNAT, bind for a program that binds, with net or dsrudp; the zero value
// is what is usual.
func but(none, dnat, mangle, bind, pktinfo expectation) map[string]expectation {
	m := make(map[string]expectation)
	for e, ids := range map[*expectation][]string{&none: {None}, &dnat: {DNATIPTables, DNATNFT}, &mangle: {Mangle}, &bind: {Bind, BindDSRUDP}, &pktinfo: {Pktinfo}} {
		for _, id := range ids {
			if e.verdict != "" {
				m[id] = *e
			}
		}
	}
	return m
}

// questions returns all of them, in the order of the table.
func questions() []Question {
	usual := expectation{}
	naive := expectation{NotMet, ownSource, rejected(6, owns)}
	exempted := expectation{Met, noneNeeded, "before: " + sixSilent + "; exempt from tracking: " + sixAccepted}
	return []Question{
		{
			ID: "one-vip", Title: "one VIP, IPv4", ask: twice(vips(1, false)),
			Asks: "Clients ask one IPv4 VIP through either balancer, with two backends. All answers must be accepted.",
			but:  but(naive, usual, usual, usual, usual),
		},
		{
			ID: "two-vips", Title: "two VIPs, IPv4", ask: twoVIPs,
			Asks: "Clients ask two IPv4 VIPs, each from ports of its own, through either balancer. All answers must be accepted. For the document's program that binds, the result also has what comes of binding to one of them alone.",
			but: but(
				expectation{NotMet, ownSource, rejected(12, owns)}, usual,
				expectation{NotMet, firstRule, each(vip1, sixAccepted, vip2, rejected(6, vip1))},
				expectation{Met, boundSource, "12 of 12 accepted(; bound to the first VIP alone: " + each(vip1, sixAccepted, vip2, sixRefused) + ")?"},
				usual,
			),
		},
		{
			ID: "internal-external", Title: "internal and external balancer to one backend", ask: once(internalAndExternal),
			Asks: "One backend has an external VIP, asked from the internet, and an internal one, asked by another machine of the network. All answers must be accepted.",
			but: but(
				expectation{NotMet, ownSource, rejected(12, `10\.128\.0\.2 and `+own)}, usual,
				expectation{NotMet, firstRule, each(vip1, sixAccepted, `10\.131\.0\.2`, dropped(vip1))}, usual, usual,
			),
		},
		{
			ID: "direct", Title: "a VIP, and the machine's own external address", ask: once(direct),
			Asks: "Clients ask one VIP and, from other ports, a backend's own external address. All answers must be accepted.",
			but: but(
				expectation{NotMet, ownSource, each(vip1, rejected(6, owns), own, sixAccepted)},
				expectation{Met, vipOnly, ""},
				expectation{NotMet, allRewrites, each(vip1, sixAccepted, own, rejected(6, vip1))},
				expectation{NotMet, boundOnly, each(vip1, sixAccepted, own, sixRefused)}, usual,
			),
		},
		{
			ID: "one-port", Title: "one client port asks two VIPs at once", ask: twice(onePort(false)),
			Asks: "Requests to two VIPs of one backend leave one client port before an answer is read. All answers must be accepted, each from its VIP. Besides it is noted which client port the program saw.",
			but: but(
				expectation{NotMet, ownSource, rejected(12, own) + sawAll},
				expectation{Met, portChanged, "12 of 12 accepted; the program saw " + sawOthers},
				expectation{NotMet, firstRule, each(vip1, sixAccepted, vip2, dropped(vip1)) + sawAll},
				expectation{Met, boundSource, "12 of 12 accepted" + sawAll},
				expectation{Met, usually[Pktinfo].why, "12 of 12 accepted" + sawAll},
			),
		},
		{
			ID: "one-port-direct", Title: "one client port asks a VIP and the machine itself", ask: twice(onePort(true)),
			Asks: "The same with one VIP and the backend's own external address.",
			but: but(
				expectation{NotMet, ownSource, each(vip1, droppedOrRejected(own), own, sixAccepted) + sawMost},
				expectation{Met, portChanged, "12 of 12 accepted; the program saw " + sawOthers},
				expectation{NotMet, allRewrites, each(vip1, sixAccepted, own, dropped(vip1)) + sawAll},
				expectation{NotMet, boundOnly, each(vip1, sixAccepted, own, sixRefused) + sawSix},
				expectation{Met, usually[Pktinfo].why, "12 of 12 accepted" + sawAll},
			),
		},
		{
			ID: "sees", Title: "the application sees the VIP and the client's port", ask: once(sees),
			Asks: "One client port asks two VIPs, and the program, where it can with the lines that are counted below, answers what it knows of the request. It must name the VIP that was asked and the client's own port.",
			but: but(
				expectation{NotMet, noVIPTold, sawWildcard + "the client's own port of 12"},
				expectation{NotMet, "K10.1: destination and port are rewritten", sawWildcard + sawOthers},
				expectation{NotMet, noVIPTold, sawWildcard + "the client's own port of 12"}, usual, usual,
			),
		},
		{
			ID: "ipv6", Title: "an IPv6 VIP that is only a local route", ask: twice(vips(1, true)),
			Asks: "Clients ask one IPv6 VIP that no interface owns, through either balancer. All answers must be accepted.",
			but: map[string]expectation{
				None:         {NotMet, ownSource, rejected(6, `(2001:db8:10:128::[23]|2001:db8:10:128::2 and 2001:db8:10:128::3)`)},
				DNATIPTables: {Met, "ip6tables does the same", ""},
				DNATNFT:      {Met, "nf_tables does the same", ""},
				Bind:         {NotMet, "K2.3: EADDRNOTAVAIL", `the program cannot bind \(EADDRNOTAVAIL, .*\)`},
				Pktinfo:      {NotMet, "K2.2: EINVAL", sixSilent + ` \(the program: EINVAL, .*\)`},
			},
		},
		{
			ID: "asymmetric", Title: "asymmetric return", ask: once(asymmetric),
			Asks: "Requests come in by one interface of the backend, and its way out is another. All answers must be accepted.",
			// The program that echoes believes that it sent: the kernel takes the client
			// for a neighbour, and looks for it where the request came in.
			but: but(naive, usual, usual, usual, expectation{
				NotMet, "K1.5: the interface that is echoed is not the way back",
				sixSilent + ` \(the program sent 6 answers\); a backend looked for the client among its neighbours on eth0`,
			}),
		},
		{
			ID: "broadcast", Title: "a request to the broadcast address", ask: once(broadcast),
			Asks: "A client broadcasts on its network, and takes answers from the server's own address only. They must be accepted.",
			but: but(
				usual, expectation{Met, vipOnly, ""},
				expectation{NotMet, allRewrites, rejected(6, vip1)},
				expectation{NotMet, boundOnly, sixSilent + ` \(the program sent 0 answers\)`},
				expectation{Met, "K1.11: spec_dst is the interface's own address", ""},
			),
		},
		{
			ID: "fragments", Title: "3000 bytes, in fragments", ask: twice(fragments(3000)),
			Asks: "Requests of 3000 bytes and their answers cross either balancer in fragments, which captures at client and servers must have seen. All answers must be accepted.",
			but: but(
				expectation{NotMet, ownSource, rejected(6, owns) + "; the client saw its 6 requests and their 6 answers in fragments"},
				usual, usual, usual, expectation{Met, "K8.1", ""},
			),
		},
		{
			ID: "same-host", Title: "a client on the same host", ask: once(sameHost),
			Asks: "A client on the backend asks a VIP from the address the kernel chooses, from the machine's own, and from 127.0.0.1. All answers must be accepted.",
			but: but(
				expectation{NotMet, ownSource, ownOnLoopback}, expectation{NotMet, noPrerouting, ownOnLoopback},
				expectation{NotMet, "the answer to 127.0.0.1 leaves from 127.0.0.1", `2 of 3 accepted; 1 rejected, with 127\.0\.0\.1 for a source`},
				usual,
				expectation{NotMet, "K1.6: the interface that is echoed is not the way back", `2 of 3 accepted; 1 whose answer left the server's host by eth0 and did not arrive`},
			),
		},
		{
			ID: "cpu", Title: "server's CPU per datagram", measure: cpu, Asks: cpuAsks,
			but: map[string]expectation{
				None:         {Met, "it is compared with itself, and comes to 0.9 to 1.1", ""},
				DNATIPTables: {}, DNATNFT: {}, Mangle: {}, Bind: {}, BindDSRUDP: {}, Pktinfo: {},
			},
		},
		{
			ID: "memory", Title: "kernel memory per client", measure: memory, Asks: memoryAsks,
			but: map[string]expectation{
				None:         {Met, nothingKept, ""},
				DNATIPTables: {NotMet, "DNAT is stateful", "a connection for each client"},
				DNATNFT:      {NotMet, "DNAT is stateful", "a connection for each client"},
				Mangle:       {Met, "it is stateless", ""},
				Bind:         {Met, nothingKept, ""}, BindDSRUDP: {Met, nothingKept, ""}, Pktinfo: {Met, nothingKept, ""}, DSRUDP: {Met, nothingKept, ""},
			},
		},
		{
			ID: "full", Title: "connection table full, port exempt from tracking", measure: full, Asks: fullAsks,
			but: map[string]expectation{
				None: exempted, Mangle: exempted, Bind: exempted, BindDSRUDP: exempted, Pktinfo: exempted, DSRUDP: exempted,
				DNATIPTables: {NotMet, untracked, untranslated}, DNATNFT: {NotMet, untracked, untranslated},
			},
		},
		{
			ID: "change", Title: "lines changed in the application", ask: change, Asks: changeAsks,
			but: map[string]expectation{
				None: {Met, sameProgram, ""}, DNATIPTables: {Met, sameProgram, ""}, DNATNFT: {Met, sameProgram, ""}, Mangle: {Met, sameProgram, ""},
				Bind: {}, BindDSRUDP: {}, Pktinfo: {},
			},
		},
	}
}

// Patterns of single questions.
var (
	sawWildcard   = `it saw the VIP of 0 of 12 \(it saw the wildcard address alone\), and `
	ownOnLoopback = `1 of 3 accepted; 2 rejected, with 10\.128\.0\.2 and 127\.0\.0\.1 for a source`
	untranslated  = "before: " + sixSilent + "; exempt from tracking: " + rejected(6, `192\.0\.2\.1`)
)
