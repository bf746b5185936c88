//go:build linux

package main

import (
	"errors"
	"slices"
	"strings"
)

// A listFlag is the value of a flag that takes words with commas between them.
type listFlag []string

func (l *listFlag) String() string { return strings.Join(*l, ",") }

func (l *listFlag) Set(s string) error {
	words := strings.Split(s, ",")
	if slices.Contains(words, "") {
		return errors.New("a word is missing")
	}
	*l = words
	return nil
}
