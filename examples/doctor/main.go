//go:build linux

// Doctor says what will and will not work for a UDP server on this host behind a
// passthrough load balancer (Direct Server Return), and what to do for each thing that is
// wrong:
//
//	go run ./examples/doctor -listen :60002 -health 8080 198.51.100.2 2001:db8::2
//
// It looks at the VIPs in the local table, the settings of the kernel, who listens on the
// port, the packet filter, and the health check, and has a client ask servers of its own on
// each VIP: one with net, and one with dsrudp. Your server is not asked, except with -ask,
// which sends it a datagram of your choice and looks from where the answer comes:
//
//	go run ./examples/doctor -listen :53 -ask dns 198.51.100.2
//
// Without VIPs it takes those that it finds. It changes nothing and leaves nothing behind.
//
// Run as root it sees more: the rules of the packet filter, the names of other users'
// programs, and clients in a network namespace of their own instead of on loopback. As
// ExecStartPre=- of a systemd unit it is under the same restrictions as the server.
//
// It exits with 0 if nothing is wrong, with 1 if something is (a finding called "bad"),
// and with 2 if it could not look, or does not understand its arguments. (The status of go
// run is 1 in both cases: build the program for it.)
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Options are what the arguments say.
type Options struct {
	Port                    uint16 // of the server, or 0
	JSON, TryLive           bool
	HealthPort              uint16
	HealthPath              string
	ReadBuffer, WriteBuffer int
	Ask                     []byte       // a datagram for the server
	Asked                   []netip.Addr // VIPs
}

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		usage(stdout)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "doctor: %v; see -help\n", err)
		return 2
	}
	h, err := gather(o)
	if err != nil {
		fmt.Fprintf(stderr, "doctor: %v\n", err)
		return 2
	}
	findings := diagnose(h)
	print := printText
	if o.JSON {
		print = printJSON
	}
	if err := print(stdout, findings); err != nil {
		fmt.Fprintf(stderr, "doctor: %v\n", err)
		return 2
	}
	if isWrong(findings) {
		return 1
	}
	return 0
}

func (o *Options) flags() *flag.FlagSet {
	fs := flag.NewFlagSet("doctor", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the caller prints what is wrong
	fs.Func("listen", "`address` on which the server listens, such as :60002; its port counts", func(s string) (err error) {
		if _, port, splitErr := net.SplitHostPort(s); splitErr == nil {
			s = port
		}
		o.Port, err = parsePort(s)
		return err
	})
	fs.Func("health", "`port[/path]` that the load balancer probes, by HTTP or TCP", func(s string) (err error) {
		port, path, _ := strings.Cut(s, "/")
		o.HealthPath = "/" + path
		o.HealthPort, err = parsePort(port)
		return err
	})
	fs.IntVar(&o.ReadBuffer, "read-buffer", 0, "bytes of ListenConfig.ReadBuffer that the server asks for")
	fs.IntVar(&o.WriteBuffer, "write-buffer", 0, "bytes of ListenConfig.WriteBuffer that the server asks for")
	fs.BoolVar(&o.TryLive, "live", true, "have a client ask servers of the doctor's own, not yours, on each VIP")
	fs.Func("ask", "`datagram` that a client sends to your server on each VIP, four times at most: hex, or dns for a DNS query", func(s string) (err error) {
		o.Ask, err = parseAsk(s)
		return err
	})
	fs.BoolVar(&o.JSON, "json", false, "print one JSON object")
	return fs
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a port from 1 to 65535", s)
	}
	return uint16(n), nil
}

func parse(args []string) (o Options, err error) {
	fs := o.flags()
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if o.ReadBuffer < 0 || o.WriteBuffer < 0 {
		return o, errors.New("a buffer cannot have less than 0 bytes")
	}
	if o.Ask != nil && o.Port == 0 {
		return o, errors.New("-ask needs the port of the server: give -listen")
	}
	for _, arg := range fs.Args() {
		a, err := netip.ParseAddr(arg)
		if err != nil {
			return o, err
		}
		if a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
			return o, fmt.Errorf("%v cannot be a VIP", a)
		}
		o.Asked = append(o.Asked, a.Unmap())
	}
	return o, nil
}

func usage(w io.Writer) {
	fmt.Fprint(w, `Usage: go run ./examples/doctor [flags] [VIP...]

Says what will and will not work for a UDP server on this host behind a passthrough
load balancer, and what to do. Without VIPs it takes those that it finds. As root it sees more.
Clients ask servers of its own, one with net and one with dsrudp, and not yours: -ask asks yours.

`)
	fs := (&Options{}).flags()
	fs.SetOutput(w)
	fs.PrintDefaults()
	fmt.Fprintln(w, `
Exit status: 0 nothing is wrong, 1 something is ("bad"), 2 could not look, or wrong usage.`)
}
