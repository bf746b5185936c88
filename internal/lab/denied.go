//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// unlessDenied returns err, and if it says that the system denies something
// needed to make namespaces, then with [ErrUnavailable] and what to do. Any
// other error is a fault, on which tests must fail and not be skipped.
func unlessDenied(err error) error {
	if !isDenial(err) {
		return err
	}
	return fmt.Errorf("lab: %w: %w\n%s", ErrUnavailable, err, remedy(os.Geteuid() == 0, readSysctl))
}

// isDenial says whether err is the answer of a system that forbids namespaces
// or lacks them: denied by permission or by a read-only /proc/sys, used up
// (which a limit of none looks like), or not part of the kernel.
func isDenial(err error) bool {
	for _, denial := range []error{
		os.ErrPermission, syscall.EROFS, syscall.ENOSPC, syscall.EUSERS, errors.ErrUnsupported, errDenied,
	} {
		if errors.Is(err, denial) {
			return true
		}
	}
	return false
}

// errDenied marks a denial that the second process met and reported.
var errDenied = errors.New("denied in the new namespaces")

// remedy says how to allow namespaces, by what the system shows of its
// settings. The reader returns a kernel parameter, or "" where it is unknown.
func remedy(root bool, read func(key string) string) string {
	var b strings.Builder
	for _, s := range []struct{ key, forbidding, allowing, what string }{
		{"user.max_user_namespaces", "0", "10000", "there may be no user namespaces"},
		{"kernel.unprivileged_userns_clone", "0", "1", "ordinary users may not make user namespaces"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0", "AppArmor takes the capabilities from user namespaces of ordinary users (Ubuntu 23.10 and later)"},
	} {
		if read(s.key) == s.forbidding {
			fmt.Fprintf(&b, "\t%s; to allow them: sudo sysctl -w %s=%s\n", s.what, s.key, s.allowing)
		}
	}
	if b.Len() == 0 {
		b.WriteString("\tno setting of the kernel forbids them; the seccomp or AppArmor profile of a container may\n")
	}
	if root {
		b.WriteString("\tthis root lacks CAP_SYS_ADMIN or CAP_NET_ADMIN; a container has them when started with --privileged")
	} else {
		b.WriteString("\tor run it as root: a program with sudo, tests with go test -exec sudo")
	}
	return b.String()
}

func readSysctl(key string) string {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(key, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
