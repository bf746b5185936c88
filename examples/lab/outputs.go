//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
)

// outputs are the files that a comparison is written to. They are opened before
// it runs: nobody wants to learn after a minute that a directory is missing.
type outputs struct {
	files  []*os.File
	writes []func(r *compare.Result, w io.Writer) error // one for each file
}

// openOutputs opens what the flags ask for. A file that exists is left as it is
// until there is something to write.
func openOutputs(o options) (*outputs, error) {
	out := new(outputs)
	if o.json.file != "" {
		if err := out.open(o.json.file, (*compare.Result).WriteJSON); err != nil {
			return nil, errors.Join(err, out.close())
		}
	}
	if o.report == "" {
		return out, nil
	}
	err := os.MkdirAll(o.report, 0o777)
	for name, write := range map[string]func(*compare.Result, io.Writer) error{
		"index.html": (*compare.Result).WriteHTML,
		"table.md":   (*compare.Result).WriteMarkdown,
	} {
		if err == nil {
			err = out.open(filepath.Join(o.report, name), write)
		}
	}
	if err != nil {
		return nil, errors.Join(err, out.close())
	}
	return out, nil
}

func (out *outputs) open(name string, write func(*compare.Result, io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err == nil {
		out.files, out.writes = append(out.files, f), append(out.writes, write)
	}
	return err
}

// write writes the result to all files. One that fails does not keep the others
// from being written.
func (out *outputs) write(r *compare.Result) error {
	var errs []error
	for i, f := range out.files {
		err := empty(f)
		if err == nil {
			err = out.writes[i](r, f)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// empty drops what an earlier comparison left in a file. A pipe or a terminal has
// nothing to drop.
func empty(f *os.File) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	return f.Truncate(0)
}

func (out *outputs) close() error {
	var errs []error
	for _, f := range out.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
