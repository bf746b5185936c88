//go:build !unix

package main

import "os/exec"

// killWhole is for systems with process groups; here only cmd itself is killed.
func killWhole(*exec.Cmd) {}
