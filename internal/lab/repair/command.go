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
