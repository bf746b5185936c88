//go:build linux

package machine

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A Description says what the results of a run depend on.
type Description struct {
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Arch   string `json:"arch"`
}

// Describe describes this machine. It does not say whose it is.
func Describe() Description {
	d := Description{CPU: "unknown", CPUs: runtime.NumCPU(), Kernel: "unknown", Go: runtime.Version(), Arch: runtime.GOARCH}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		d.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := modelOf(info); m != "" {
			d.CPU = m
		}
	}
	return d
}

// modelOf reads proc_cpuinfo(5), which on some architectures has no model name.
func modelOf(info []byte) string {
	for line := range bytes.Lines(info) {
		name, value, ok := strings.Cut(string(line), ":")
		if ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (d Description) String() string {
	return fmt.Sprintf("%d × %s (%s), %s, %s", d.CPUs, d.CPU, d.Arch, d.Kernel, d.Go)
}
