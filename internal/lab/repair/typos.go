//go:build linux

package repair

// A Typo is a command as Google's document has it and what is wrong with it.
type Typo struct {
	Printed string `json:"printed"` // as in the document
	Wrong   string `json:"wrong"`   // what comes of typing it
	Mended  string `json:"mended"`  // what is typed instead; empty if it is left out
}

// Typos are those in the document's commands, in its order. The mended ones are
// what DNATByIPTables and MangleByNFT return, for the document's addresses.
var Typos = []Typo{
	{
		Printed: "iptables -t nat -A POSTROUTING -j RETURN -d 10.128.0.2 -p udp --dport 60002",
		Wrong:   "is not needed: no rule follows it in its chain, and what comes from elsewhere passes another; at most it matches clients on the host itself that ask its own address",
	},
	{
		Printed: "iptables -t nat -A PREROUTING -j DNAT --to-destination 10.128.0.2 -d 198.51.100.2 --dport 60002 -p udp",
		Wrong:   `iptables refuses it, unknown option "--dport": the option belongs to the protocol and must follow -p udp`,
		Mended:  "iptables -t nat -A PREROUTING -p udp -d 198.51.100.2 --dport 60002 -j DNAT --to-destination 10.128.0.2",
	},
	{
		Printed: "nft add chain raw postrouting {type filter hook postrouting priority 300)",
		Wrong:   "a parenthesis stands where ; and a brace belong, and a shell takes the ; for its own unless it is quoted",
		Mended:  "nft add chain ip raw postrouting '{ type filter hook postrouting priority 300; }'",
	},
}
