//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// writePCAP writes what was captured in the run to one file for each host, such
// as dir/net-ecmp-ipv4-client.pcap.
func (r *run) writePCAP(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if err := r.writeFile(dir, "client", r.atClient); err != nil {
		return err
	}
	for i, b := range r.lab.Backends {
		if err := r.writeFile(dir, b.Name, r.atBackends[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) writeFile(dir, host string, packets []lab.Packet) (err error) {
	name := fmt.Sprintf("%s-%s-%s-%s.pcap", r.server.name, r.balancer, r.family, host)
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return lab.WritePCAP(f, packets)
}
