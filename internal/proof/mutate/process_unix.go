//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// killWhole has cmd killed together with the processes that it started, as
// tests that need a namespace or another process of their own do.
func killWhole(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
