//go:build linux

package echo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"
)

// The probes, each of which measures how long something takes in a process with a
// busy server.
const (
	Timer  = "timer"
	Health = "http"
	GC     = "gc"
	Second = "udp"
)

// Probes returns the names of all probes.
func Probes() []string { return []string{Timer, Health, GC, Second} }

// ProbeTitle returns what a probe is of.
func ProbeTitle(probe string) string {
	return map[string]string{Timer: "a 1 ms timer", Health: "an HTTP health check", GC: "runtime.GC()", Second: "a second UDP socket"}[probe]
}

// FromOutside reports whether the probe is made by another process.
func FromOutside(probe string) bool { return probe == Health || probe == Second }

// live is what the collector has to mark: 2 MB in 20 000 objects.
var live [][]byte

// startNeighbours starts what the probes are of, in the process of a server.
func startNeighbours() (httpPort, udpPort int, err error) {
	for range 20_000 {
		live = append(live, make([]byte, 100))
	}
	local := net.IPv4(127, 0, 0, 1)
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: local})
	if err != nil {
		return 0, 0, err
	}
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: local})
	if err != nil {
		return 0, 0, errors.Join(err, l.Close())
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	go addrPort(c)
	return l.Addr().(*net.TCPAddr).Port, c.LocalAddr().(*net.UDPAddr).Port, nil
}

// pause is the time between two of a probe, and patience for how long an answer
// is waited for.
const (
	pause    = time.Millisecond
	patience = 10 * time.Second
)

// Probe makes a probe again and again for as long as d, once at least, and
// returns the time that each took; of the timer only by how much it was late.
func Probe(probe string, r Ready, d time.Duration) (times []time.Duration, err error) {
	var once func() error
	wait := pause
	switch probe {
	case Timer:
		wait = 0
		once = func() error { time.Sleep(time.Millisecond); return nil }
	case GC:
		once = func() error { runtime.GC(); return nil }
	case Health:
		client := http.Client{Transport: new(http.Transport), Timeout: patience}
		defer client.CloseIdleConnections()
		url := fmt.Sprintf("http://127.0.0.1:%d/", r.HTTP)
		once = func() error { return checkHealth(&client, url) }
	case Second:
		c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: r.UDP})
		if err != nil {
			return nil, err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(d + patience)); err != nil {
			return nil, err
		}
		b := make([]byte, 64)
		once = func() error {
			if _, err := c.Write(b); err != nil {
				return err
			}
			_, err := c.Read(b)
			return err
		}
	default:
		return nil, fmt.Errorf("echo: no probe is called %q; there are %q", probe, Probes())
	}
	if err := once(); err != nil { // it may have a connection to make
		return nil, fmt.Errorf("%s: %w", probe, err)
	}
	for end := time.Now().Add(d); len(times) == 0 || time.Now().Before(end); time.Sleep(wait) {
		begin := time.Now()
		if err := once(); err != nil {
			return nil, fmt.Errorf("%s: %w", probe, err)
		}
		took := time.Since(begin)
		if probe == Timer {
			took -= time.Millisecond
		}
		times = append(times, took)
	}
	return times, nil
}

func checkHealth(c *http.Client, url string) error {
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(resp.Status))
	}
	return errors.Join(err, resp.Body.Close())
}
