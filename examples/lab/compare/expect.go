//go:build linux

package compare

import "strings"

// Reasons that several cells have.
const (
	ownSource    = "K1.1: sendto leaves from the machine's own address"
	dnatWorks    = "K10.1: with a rule for each VIP"
	portChanged  = "K10.1: one client port for two addresses is rewritten"
	firstRule    = "K10.2: a second rule never matches"
	allRewrites  = "K10.2: every answer gets the VIP"
	oneWorks     = "K10.2: one VIP works"
	boundOnly    = "K10.3: a bound socket takes no other address"
	boundSource  = "K10.3: one socket for each VIP"
	echoed       = "K1.4, K10.4: the way back is the way of the request"
	noPrerouting = "what a host sends to itself does not pass PREROUTING"
	promised     = "a promise of the library"
	nothingKept  = "the kernel keeps nothing of UDP clients"
	sameProgram  = "by definition: it is the naive program"
	exempt       = "what needs no tracking can do without"
)

// Addresses as patterns: those of a lab's two VIPs, and what its backends' own are
// on the internet.
const (
	vip1     = `198\.51\.100\.2`
	vip2     = `198\.51\.100\.101`
	anyVIP   = `198\.51\.100\.(2|101)`
	own      = `198\.51\.100\.3`
	internal = `10\.131\.0\.2`
	anyOwn   = `(198\.51\.100\.3|198\.51\.100\.4|198\.51\.100\.3 and 198\.51\.100\.4)`
	anyOwn6  = `(2001:db8:10:128::2|2001:db8:10:128::3|2001:db8:10:128::2 and 2001:db8:10:128::3)`
)

// Patterns of what becomes of the six requests to an address.
const (
	allAccepted  = `: 6 of 6 accepted`
	noneAccepted = `: 0 of 6 accepted; 6 `
	eachRefused  = noneAccepted + `refused \(ECONNREFUSED\)`
	eachSilent   = noneAccepted + `that reached the server's host, which no answer left`
)

// eachRejected is the pattern for answers that the client's kernel refused because
// of their source.
func eachRejected(source string) string {
	return noneAccepted + "rejected, with " + source + " for a source"
}

// eachDropped is the pattern for answers that came, and not to the socket.
func eachDropped(source string) string {
	return noneAccepted + "from " + source + ", which did not reach the socket that asked"
}

// eachDroppedOrRejected is the pattern for answers from an address that the same
// client port asks too: they come to the socket that asks it, or, where they leave
// after that one's request has passed the gateway, whose NAT then takes the port for
// in use and gives them another, to none.
func eachDroppedOrRejected(source string) string {
	rejected := `\d rejected, with ` + source + ` for a source`
	dropped := `\d from ` + source + `, which did not reach the socket that asked`
	return strings.TrimSuffix(noneAccepted, "6 ") + "(" + rejected + "|" + dropped + "|" + rejected + "; " + dropped + ")"
}

// expectations are what has to come, by question and repair. The cells that are
// missing are measurements that need not come out one way or the other.
var expectations = map[string]map[string]expectation{
	"one-vip": {
		None:         unmet(ownSource, vip1+eachRejected(anyOwn)),
		DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks), Mangle: met(oneWorks),
		Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"two-vips": {
		None:         unmet(ownSource, anyVIP+eachRejected(anyOwn)),
		DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks),
		Mangle:     unmet(firstRule, vip1+allAccepted, vip2+eachRejected(vip1)),
		Bind:       met(boundSource, anyVIP+allAccepted, "bound to one alone, .*, "+vip2+eachRefused),
		BindDSRUDP: met(promised, anyVIP+allAccepted, "bound to one alone, .*, "+vip2+eachRefused),
		Pktinfo:    met(echoed), DSRUDP: met(promised),
	},
	"internal-external": {
		None:         unmet(ownSource, vip1+eachRejected(own), internal+eachRejected(`10\.128\.0\.2`)),
		DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks),
		Mangle: unmet(firstRule, vip1+allAccepted, internal+eachDropped(vip1)),
		Bind:   met(boundSource), BindDSRUDP: met(promised), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"direct": {
		None:         unmet(ownSource, vip1+eachRejected(anyOwn), own+allAccepted),
		DNATIPTables: met("K10.1: the rule is for the VIP alone"), DNATNFT: met("K10.1: the rule is for the VIP alone"),
		Mangle: unmet(allRewrites, vip1+allAccepted, own+eachRejected(vip1)),
		Bind:   unmet(boundOnly, vip1+allAccepted, own+eachRefused), BindDSRUDP: unmet(boundOnly, vip1+allAccepted, own+eachRefused),
		Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"one-port": {
		None:         unmet(ownSource, anyVIP+eachRejected(own), samePort),
		DNATIPTables: met(portChanged, anyVIP+allAccepted, otherPort), DNATNFT: met(portChanged, anyVIP+allAccepted, otherPort),
		Mangle: unmet(firstRule, vip1+allAccepted, vip2+eachDropped(vip1), samePort),
		Bind:   met(boundSource, anyVIP+allAccepted, samePort), BindDSRUDP: met(promised, anyVIP+allAccepted, samePort),
		Pktinfo: met(echoed, anyVIP+allAccepted, samePort), DSRUDP: met(promised, anyVIP+allAccepted, samePort),
	},
	"one-port-direct": {
		None:         unmet(ownSource, vip1+eachDroppedOrRejected(own), own+allAccepted, samePort),
		DNATIPTables: met(portChanged, vip1+allAccepted, own+allAccepted, otherPort), DNATNFT: met(portChanged, vip1+allAccepted, own+allAccepted, otherPort),
		Mangle: unmet(allRewrites, vip1+allAccepted, own+eachDropped(vip1), samePort),
		Bind:   unmet(boundOnly, vip1+allAccepted, own+eachRefused, halfOfPorts), BindDSRUDP: unmet(boundOnly, vip1+allAccepted, own+eachRefused, halfOfPorts),
		Pktinfo: met(echoed, vip1+allAccepted, own+allAccepted, samePort), DSRUDP: met(promised, vip1+allAccepted, own+allAccepted, samePort),
	},
	"sees": {
		None:         unmet("recvfrom tells no destination", noVIPSeen, `the client's own port of 12`),
		DNATIPTables: unmet("K10.1: destination and port are rewritten", noVIPSeen, sixPortsSeen), DNATNFT: unmet("K10.1: destination and port are rewritten", noVIPSeen, sixPortsSeen),
		Mangle: unmet("recvfrom tells no destination", noVIPSeen, `the client's own port of 12`),
		Bind:   met(boundSource), BindDSRUDP: met(promised), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"ipv6": {
		None:         unmet(ownSource, `.*`+eachRejected(anyOwn6)),
		DNATIPTables: met("ip6tables does the same"), DNATNFT: met("nf_tables does the same"), Mangle: met(oneWorks),
		Bind: unmet("K2.3: EADDRNOTAVAIL", `the program cannot bind \(EADDRNOTAVAIL, .*\)`), BindDSRUDP: met(promised),
		Pktinfo: unmet("K2.2: EINVAL", `.*`+eachSilent+` \(the program: EINVAL, .*\)`), DSRUDP: met(promised),
	},
	"asymmetric": {
		None:         unmet(ownSource, vip1+eachRejected(anyOwn)),
		DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks), Mangle: met(oneWorks),
		Bind: met(boundSource), BindDSRUDP: met(promised),
		// The program believes that it sent: the kernel takes the client for a
		// neighbour, and looks for it where the request came in.
		Pktinfo: unmet("K1.5: the interface that is echoed is not the way back", vip1+eachSilent+` \(the program sent 6 answers\)`, "sought on eth0"), DSRUDP: met(promised),
	},
	"broadcast": {
		None: met("the machine's own address is the right one"), DNATIPTables: met("the rule is for the VIP alone"), DNATNFT: met("the rule is for the VIP alone"),
		Mangle: unmet(allRewrites, `192\.0\.2\.1`+eachRejected(vip1)),
		Bind:   unmet(boundOnly, unheard), BindDSRUDP: unmet(boundOnly, unheard),
		Pktinfo: met("K1.11: spec_dst is the interface's own address"), DSRUDP: met(promised),
	},
	"fragments": {
		None:         unmet(ownSource, vip1+eachRejected(anyOwn)),
		DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks), Mangle: met(oneWorks),
		Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: met("K8.1"), DSRUDP: met(promised),
	},
	"same-host": {
		None: unmet(ownSource, ownOnLoopback), DNATIPTables: unmet(noPrerouting, ownOnLoopback), DNATNFT: unmet(noPrerouting, ownOnLoopback),
		Mangle: unmet("the answer to 127.0.0.1 leaves from 127.0.0.1", vip1+`: 2 of 3 accepted; 1 rejected, with 127\.0\.0\.1 for a source`),
		Bind:   met(boundSource), BindDSRUDP: met(promised),
		Pktinfo: unmet("K1.6: the interface that is echoed is not the way back", vip1+`: 2 of 3 accepted; 1 whose answer left the server's host by eth0 and did not arrive`), DSRUDP: met(promised),
	},
	"cpu": {None: met("it is compared with itself, and comes to 0.9 to 1.1"), DSRUDP: met(promised)},
	"memory": {
		None: met(nothingKept), DNATIPTables: unmet("DNAT is stateful", "a connection for each client"), DNATNFT: unmet("DNAT is stateful", "a connection for each client"), Mangle: met("it is stateless"),
		Bind: met(nothingKept), BindDSRUDP: met(nothingKept), Pktinfo: met(nothingKept), DSRUDP: met(nothingKept),
	},
	"full": {
		None:         met("naive answers are right here", fullBefore, "exempt, .*"+allAccepted),
		DNATIPTables: unmet(untracked, fullBefore, exemptDNAT), DNATNFT: unmet(untracked, fullBefore, exemptDNAT),
		Mangle: met("it is stateless", fullBefore, "exempt, .*"+allAccepted),
		Bind:   met(exempt, fullBefore, "exempt, .*"+allAccepted), BindDSRUDP: met(exempt, fullBefore, "exempt, .*"+allAccepted),
		Pktinfo: met(exempt, fullBefore, "exempt, .*"+allAccepted), DSRUDP: met(exempt, fullBefore, "exempt, .*"+allAccepted),
	},
	"change": {
		None: met(sameProgram), DNATIPTables: met(sameProgram), DNATNFT: met(sameProgram), Mangle: met(sameProgram), DSRUDP: met(promised),
	},
}

// Patterns of what a program saw of requests: in both scenes of one question
// together, and in the one of another.
const (
	samePort    = `the client's own port of 24`
	halfOfPorts = `the client's own port of 12` // the program got no more
	// Of each two one at least: the port that the kernel takes at random for one request may
	// be the next client's own, who then gets another for both.
	otherPort    = `the client's own port of (9|1[0-2]), another one of 1[2-5] \(.*\)`
	sixPortsSeen = `the client's own port of [3-6], another one of [6-9] \(.*\)`
	noVIPSeen    = `the VIP of 0 of 12 \(it saw the wildcard address alone\)`
)

// What becomes of new clients where the table of connections is full.
const (
	untracked  = "what is not tracked is not translated"
	fullBefore = `before, .*` + eachSilent
	exemptDNAT = `exempt, 198\.51\.100\.2` + noneAccepted + `rejected, with 192\.0\.2\.1 for a source`
)

const (
	unheard       = `192\.0\.2\.1` + eachSilent + ` \(the program sent 0 answers\)`
	ownOnLoopback = vip1 + `: 1 of 3 accepted; 2 rejected, with 10\.128\.0\.2 and 127\.0\.0\.1 for a source`
)
