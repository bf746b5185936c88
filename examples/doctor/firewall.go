//go:build linux

package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// A Rule is one of the packet filter that names the port, or that applies to all that no rule
// of an input chain accepts.
type Rule struct {
	Table, Chain, Text string
	Does               string // accepts, drops, translates or rewrites
	Some               bool   // it has other conditions, which are not looked into
	Rest               bool   // it names no port: a policy, or a rule without conditions
}

// readFirewall returns the rules of nftables, which iptables of today writes too, that
// matter for UDP to a port.
func readFirewall(port uint16) ([]Rule, error) {
	for _, nft := range []string{"nft", "/usr/sbin/nft", "/sbin/nft"} {
		out, err := exec.Command(nft, "list", "ruleset").CombinedOutput()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return parseRules(string(out), port), nil
		case errors.As(err, &exit):
			line, _, _ := strings.Cut(string(out), "\n")
			return nil, fmt.Errorf("nft: %s", line)
		}
	}
	return nil, errors.New("nft is not installed")
}

var (
	dport  = regexp.MustCompile(`(udp|th) dport (!= )?(vmap )?(\{[^}]*\}|\S+)`)
	number = regexp.MustCompile(`\d+(-\d+)?`)
	// What of a rule is no condition that could fail for UDP to the port.
	plain = regexp.MustCompile(`meta l4proto (17 |udp |\. )?|ip protocol (17|udp) |counter packets \d+ bytes \d+|(comment|log prefix) ""|reject with .*|` +
		`ct state (\S*\bnew\b\S*|\{[^}]*\bnew\b[^}]*\})`)
	text  = regexp.MustCompile(`"[^"]*"`) // of a comment or an interface
	does  = regexp.MustCompile(`\b(accept|drop|reject|dnat|redirect|daddr set)\b`)
	verbs = map[string]string{"accept": "accepts", "drop": "drops", "reject": "drops", "dnat": "translates", "redirect": "translates", "daddr set": "rewrites"}
)

// parseRules parses what nft list ruleset prints.
func parseRules(text string, port uint16) []Rule {
	var rules, policies []Rule // which come first in the text, and last in effect
	var table, chain string
	input := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "table "):
			table = strings.TrimSuffix(line[len("table "):], " {")
		case strings.HasPrefix(line, "chain "):
			chain, input = words[1], false
		case strings.HasPrefix(line, "type "):
			input = strings.Contains(line, " hook input ")
			if input && strings.Contains(line, "policy drop;") {
				policies = append(policies, Rule{Table: table, Chain: chain, Text: "policy drop", Does: "drops", Rest: true})
			}
		default:
			r := parseRule(line, port)
			r.Table, r.Chain, r.Text = table, chain, line
			if r.Does != "" && (!r.Rest || input && !r.Some) {
				rules = append(rules, r)
			}
		}
	}
	return append(rules, policies...)
}

// parseRule says what a rule does to UDP to the port: nothing, if it is about other ports.
func parseRule(line string, port uint16) Rule {
	line = text.ReplaceAllString(line, `""`)
	r := Rule{Rest: true, Does: verbs[does.FindString(line)]}
	if m := dport.FindStringSubmatch(line); m != nil {
		not, verdicts, ports := m[2] != "", m[3] != "", m[4]
		r.Rest, r.Some = false, strings.HasPrefix(ports, "@") // a set with a name
		found := r.Some
		for _, item := range strings.Split(ports, ",") {
			for _, n := range number.FindAllString(item, -1) {
				first, last, isRange := strings.Cut(n, "-")
				from, _ := strconv.Atoi(first)
				to, _ := strconv.Atoi(last)
				if from == int(port) || isRange && from <= int(port) && int(port) <= to {
					found = true
					if verdicts {
						r.Does = verbs[does.FindString(item)]
					}
				}
			}
		}
		if found == not && !r.Some {
			return Rule{}
		}
		line = strings.Replace(line, m[0], "", 1)
	}
	if strings.Contains(line, "tcp dport ") {
		return Rule{}
	}
	rest, _, _ := strings.Cut(plain.ReplaceAllString(line, ""), " to ")
	for _, word := range strings.Fields(does.ReplaceAllString(rest, "")) {
		r.Some = r.Some || word != "ip" && r.Does != "rewrites"
	}
	return r
}

// checkFirewall says what the rules do to requests.
func checkFirewall(h *Host) (fs []Finding) {
	if h.FirewallErr != nil {
		fs = append(fs, Finding{
			ID: "firewall-unread", Severity: Note,
			Seen:  fmt.Sprintf("The rules of nftables cannot be read: %v.", h.FirewallErr),
			Means: "A rule may drop or rewrite what is sent to the VIPs.",
			Do:    "run this as root, with nft installed, to have the rules looked at.",
		})
	}
	if len(h.LegacyTables) > 0 {
		fs = append(fs, Finding{
			ID: "firewall-legacy", Severity: Note,
			Seen:  fmt.Sprintf("There are tables of iptables-legacy, which are not looked at: %s.", list(h.LegacyTables)),
			Means: "A rule in them may drop or rewrite what is sent to the VIPs.",
			Do:    "look for the port in them:\n\tsudo iptables-legacy-save; sudo ip6tables-legacy-save",
		})
	}
	accepted, some := map[string]bool{}, map[string]bool{} // by table
	for _, r := range h.Firewall {
		f := Finding{ID: "firewall-" + r.Does, Severity: Warn, Do: fmt.Sprintf("change it where it is made; it is here:\n\tsudo nft -a list chain %s %s", r.Table, r.Chain)}
		f.Seen = fmt.Sprintf("The packet filter %s UDP to the port: %q.", r.Does, r.Text)
		switch {
		case r.Does == "accepts":
			accepted[r.Table], some[r.Table] = accepted[r.Table] || !r.Some, true
			continue
		case r.Does != "drops":
			f.Means = "The server does not see the address that was asked. Where the rule also puts it back in answers, this library is not needed, and changes nothing."
		case accepted[r.Table] || r.Rest && (h.Port == 0 || h.arrived()):
			continue
		case r.Some:
			f.Means = "It has other conditions, such as the client or a rate, which are not looked into here."
		case r.Rest:
			if !some[r.Table] {
				f.Severity = Bad
			}
			f.Seen = fmt.Sprintf("The packet filter drops what no rule accepts (%q), and none is plainly for UDP to port %d.", r.Text, h.Port)
			f.Means = "Requests do not reach the server, which looks idle, unless a rule accepts them for another reason."
		default:
			f.Severity, f.Means = Bad, "Requests do not reach the server, which looks idle."
		}
		fs = append(fs, f)
	}
	if len(fs) == 0 {
		fs = append(fs, Finding{ID: "firewall", Seen: "No rule of nftables was found that drops or rewrites requests."})
	}
	return fs
}
