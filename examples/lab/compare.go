//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
)

// comparison runs a comparison, as compare.Run does, writes its result, and returns
// the exit code.
func comparison(ctx context.Context, o options, run func(context.Context, compare.Options) (*compare.Result, error), stdout, stderr io.Writer) int {
	logger := log.New(stderr, "", 0)
	files := files(o)
	for name := range files { // nobody wants to learn after a minute that a directory is missing
		if err := touch(name); err != nil {
			logger.Print(err)
			return 1
		}
	}
	o.what.Progress = progress(stderr)
	res, err := run(ctx, o.what)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("the comparison was broken off: %w", context.Cause(ctx))
		}
		logger.Print(err)
		return 1
	}
	faults := res.Faults()
	if o.json && o.jsonFile == "" {
		err = res.WriteJSON(stdout)
		for _, f := range faults {
			logger.Print(f)
		}
	} else {
		res.WriteText(stdout)
	}
	for name, render := range files {
		err = errors.Join(err, write(name, res, render))
	}
	if err != nil {
		logger.Print(err)
	}
	if err != nil || len(faults) > 0 {
		return 1
	}
	return 0
}

// A renderer writes a result in one form.
type renderer func(*compare.Result, io.Writer) error

// files returns what a comparison is written to, by name.
func files(o options) map[string]renderer {
	files := make(map[string]renderer)
	if o.jsonFile != "" {
		files[o.jsonFile] = (*compare.Result).WriteJSON
	}
	if o.report != "" {
		files[filepath.Join(o.report, "index.html")] = (*compare.Result).WriteHTML
	}
	return files
}

// touch returns an error if a file cannot be written. What it has stays.
func touch(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}

// write replaces what a file has.
func write(name string, r *compare.Result, render renderer) error {
	var b bytes.Buffer
	if err := render(r, &b); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o666)
}

// progress returns a function that shows how far a comparison is: a line now and then,
// and one for each measurement that begins.
func progress(w io.Writer) func(done, all int, what string) {
	tenths, before := 0, 0
	return func(done, all int, what string) {
		if done == before { // a measurement begins
			fmt.Fprintf(w, "      measuring: %s\n", what)
		}
		before = done
		if now := 10 * done / all; now > tenths {
			tenths = now
			fmt.Fprintf(w, "%3d %% (%s)\n", 100*done/all, what)
		}
	}
}
