//go:build linux

package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
)

// outputs are the files that a comparison is written to. They are opened before
// it runs: nobody wants to learn after a minute that a directory is missing. What
// they are to replace stays as it is until the comparison is done.
type outputs struct {
	files  []*output
	writes []func(r *compare.Result, w io.Writer) error // one for each file
	made   []string                                     // directories
}

// openOutputs opens what the flags ask for.
func openOutputs(o options) (*outputs, error) {
	out := new(outputs)
	err := out.openAll(o)
	if err != nil {
		return nil, errors.Join(err, out.close())
	}
	return out, nil
}

func (out *outputs) openAll(o options) error {
	if o.json.file != "" {
		if err := out.open(o.json.file, (*compare.Result).WriteJSON); err != nil {
			return err
		}
	}
	if o.report == "" {
		return nil
	}
	if err := out.mkdir(o.report); err != nil {
		return err
	}
	if err := out.open(filepath.Join(o.report, "index.html"), (*compare.Result).WriteHTML); err != nil {
		return err
	}
	return out.open(filepath.Join(o.report, "table.md"), (*compare.Result).WriteMarkdown)
}

func (out *outputs) open(name string, write func(*compare.Result, io.Writer) error) error {
	f, err := openOutput(name)
	if err == nil {
		out.files, out.writes = append(out.files, f), append(out.writes, write)
	}
	return err
}

// mkdir makes a directory, and those above it that are missing.
func (out *outputs) mkdir(dir string) error {
	if dir = filepath.Clean(dir); dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			if err := out.mkdir(filepath.Dir(dir)); err != nil {
				return err
			}
			out.made = append(out.made, dir)
		}
	}
	return os.MkdirAll(dir, 0o777)
}

// write writes the result to all files. One that fails does not keep the others
// from being written.
func (out *outputs) write(r *compare.Result) error {
	var errs []error
	for i, f := range out.files {
		errs = append(errs, f.replace(func(w io.Writer) error { return out.writes[i](r, w) }))
	}
	return errors.Join(errs...)
}

// close lets go of the files, and removes what was made and not written to.
func (out *outputs) close() error {
	var errs []error
	for _, f := range out.files {
		errs = append(errs, f.close())
	}
	for i := range out.made {
		_ = os.Remove(out.made[len(out.made)-1-i]) // which does it only if nothing is in it
	}
	return errors.Join(errs...)
}
