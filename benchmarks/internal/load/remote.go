//go:build linux

package load

import (
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"runtime/debug"
	"time"
)

// A reply is a result or an error, as the generator's process writes it.
type reply struct {
	Result Result
	Error  string
}

// Serve generates the loads that it reads from r, in JSON, and writes the result
// of each to w. It is all that the generator's process does, and ends with r.
func Serve(r io.Reader, w io.Writer) error {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	in, out := json.NewDecoder(r), json.NewEncoder(w)
	g := &Generator{times: make([]time.Duration, 0, 1<<20)}
	defer g.Close()
	for {
		var l Load
		if err := in.Decode(&l); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		runtime.GC() // now, as it is off while a load runs
		var a reply
		result, err := g.Run(l)
		if a.Result = result; err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

// A Remote is a generator in another process.
type Remote struct {
	out *json.Encoder
	in  *json.Decoder
}

// NewRemote returns the generator that Serve runs behind r and w.
func NewRemote(r io.Reader, w io.Writer) *Remote {
	return &Remote{json.NewEncoder(w), json.NewDecoder(r)}
}

// Run is Generator.Run.
func (r *Remote) Run(l Load) (Result, error) {
	if err := r.out.Encode(l); err != nil {
		return Result{}, err
	}
	var a reply
	if err := r.in.Decode(&a); err != nil {
		return Result{}, err
	}
	if a.Error != "" {
		return Result{}, errors.New(a.Error)
	}
	return a.Result, nil
}
