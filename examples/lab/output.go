//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// An output is a file to be written as a whole or not at all: to another one
// beside it, which takes its name when it is complete. What is no regular file, as
// a pipe or a terminal, is written to directly.
type output struct {
	*os.File
	name   string // that it is to have; empty if it has it
	closed bool
}

// openOutput opens a file for writing.
func openOutput(name string) (*output, error) {
	path, err := filepath.EvalSymlinks(name) // the link stays
	if errors.Is(err, fs.ErrNotExist) {
		path, err = name, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &output{File: f}, err
	}
	mode := fs.FileMode(0o666)
	if err == nil {
		mode = info.Mode().Perm()
	}
	beside := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	return &output{File: f, name: path}, err
}

// replace writes the file, and has it take the place of the one before.
func (o *output) replace(write func(io.Writer) error) error {
	if err := write(o); err != nil {
		return err
	}
	if o.name == "" {
		return nil
	}
	o.closed = true
	if err := errors.Join(o.Close(), os.Rename(o.Name(), o.name)); err != nil {
		return errors.Join(err, os.Remove(o.Name()))
	}
	return nil
}

// close lets go of a file, and removes one that did not take its place.
func (o *output) close() error {
	if o.closed {
		return nil
	}
	err := o.Close()
	if o.name != "" {
		err = errors.Join(err, os.Remove(o.Name()))
	}
	return err
}
