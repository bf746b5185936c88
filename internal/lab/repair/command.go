//go:build linux

package repair

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A Command is a program and its arguments.
type Command []string

// String returns the command as a person types it into a shell.
func (c Command) String() string {
	words := make([]string, len(c))
	for i, w := range c {
		if strings.ContainsAny(w, " ;{}") {
			w = "'" + w + "'"
		}
		words[i] = w
	}
	return strings.Join(words, " ")
}

// ErrNotInstalled is matched by the error of Run where the program of a command
// is not to be found. Nothing has been run then.
var ErrNotInstalled = errors.New("not installed")

// Run carries out commands on the host, one after the other, and stops at the
// first that fails.
func Run(h *lab.Host, cmds ...Command) error {
	paths := make([]string, len(cmds))
	for i, c := range cmds {
		var err error
		if paths[i], err = find(c[0]); err != nil {
			return err
		}
	}
	return h.Do(func() error {
		for i, c := range cmds {
			out, err := exec.Command(paths[i], c[1:]...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("repair: on %s: %v: %w: %s", h.Name, c, err, strings.TrimSpace(string(out)))
			}
		}
		return nil
	})
}

// find looks for a program, also where an ordinary user's PATH does not lead.
func find(name string) (string, error) {
	for _, dir := range []string{"", "/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("repair: %s: %w", name, ErrNotInstalled)
}

// Installed says whether Run finds the program.
func Installed(name string) bool {
	_, err := find(name)
	return err == nil
}

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
