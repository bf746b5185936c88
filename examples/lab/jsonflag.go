//go:build linux

package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A jsonFlag is the value of -json: alone it asks for one JSON object on standard
// output and nothing else; with a file name, which goes with -compare, for one in
// the file besides what is printed.
type jsonFlag struct {
	on   bool
	file string
}

// IsBoolFlag tells the flag package that the flag may stand alone. It then takes
// a value only as -json=FILE; joinJSON makes that of -json FILE.
func (j *jsonFlag) IsBoolFlag() bool { return true }

func (j *jsonFlag) String() string {
	if j.file != "" {
		return j.file
	}
	return strconv.FormatBool(j.on)
}

func (j *jsonFlag) Set(s string) error {
	if s == "" {
		return errors.New("no file name")
	}
	on, err := strconv.ParseBool(s)
	if err == nil {
		*j = jsonFlag{on: on}
	} else {
		*j = jsonFlag{on: true, file: s}
	}
	return nil
}

// joinJSON writes -json FILE as -json=FILE in a command line that has -compare.
func joinJSON(args []string) []string {
	if !slices.ContainsFunc(args, asksToCompare) {
		return args
	}
	var joined []string
	for i := 0; i < len(args); i++ {
		if (args[i] == "-json" || args[i] == "--json") && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			joined = append(joined, args[i]+"="+args[i+1])
			i++
			continue
		}
		joined = append(joined, args[i])
	}
	return joined
}

// asksToCompare says whether an argument is the flag -compare and on, in one of
// the ways in which the flag package takes it.
func asksToCompare(arg string) bool {
	name, value, given := strings.Cut(arg, "=")
	if name != "-compare" && name != "--compare" {
		return false
	}
	on, err := strconv.ParseBool(value)
	return !given || err == nil && on
}
