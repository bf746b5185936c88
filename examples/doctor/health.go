//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// A Probe is a health check of a VIP.
type Probe struct {
	VIP    netip.Addr
	Status string // of HTTP; empty if the port accepts connections and speaks something else
	Code   int
	Err    error // why there was no connection
}

// probeHealth asks the VIP, as Google Cloud's load balancer does.
func probeHealth(h *Host) (probes []Probe) {
	if h.HealthPort == 0 {
		return nil
	}
	for _, vip := range h.VIPs {
		probes = append(probes, probe(netip.AddrPortFrom(vip, h.HealthPort), h.HealthPath))
	}
	return probes
}

func probe(to netip.AddrPort, path string) Probe {
	const patience = 2 * time.Second // a balancer waits 5 by default
	c, err := net.DialTimeout("tcp", to.String(), patience)
	if err != nil {
		return Probe{VIP: to.Addr(), Err: err}
	}
	c.Close()
	p := Probe{VIP: to.Addr()}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}} // no proxy
	if r, err := client.Get("http://" + to.String() + path); err == nil {
		r.Body.Close()
		p.Status, p.Code = r.Status, r.StatusCode
	}
	return p
}

func checkHealth(h *Host) (fs []Finding) {
	for _, p := range h.Health {
		f := Finding{ID: "health", Seen: fmt.Sprintf("%v port %d answers %q.", p.VIP, h.HealthPort, p.Status)}
		switch {
		case p.Err != nil:
			f.ID, f.Severity = "health-silent", Bad
			f.Seen = fmt.Sprintf("The health check of %v fails: %v.", p.VIP, p.Err)
			f.Means = "Google Cloud's load balancer probes the VIP itself, and sends nothing to a host that does not answer. Azure's and keepalived probe the host's own address."
			f.Do = fmt.Sprintf("let what answers health checks listen on the wildcard, \":%d\", and not on the host's own address, and let TCP to it through the packet filter.", h.HealthPort)
		case p.Status == "":
			f.Severity = Note
			f.Seen = fmt.Sprintf("%v port %d accepts connections, and does not speak HTTP.", p.VIP, h.HealthPort)
			f.Means = "A health check by TCP succeeds, one by HTTP fails."
		case p.Code != http.StatusOK:
			f.ID, f.Severity = "health-status", Bad
			f.Seen = fmt.Sprintf("The health check of %v port %d%s answers %q.", p.VIP, h.HealthPort, h.HealthPath, p.Status)
			f.Means = "Balancers take 200 alone for healthy, unless they are configured otherwise."
			f.Do = "see why the server says that it is not well, or give the path that the balancer asks: -health PORT/PATH."
		}
		fs = append(fs, f)
	}
	return fs
}
