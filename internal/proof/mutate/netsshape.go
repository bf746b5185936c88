package main

var netsShape = []breakage{
	{
		name: "deadline and Close errors of reads not rewrapped",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"return unwrap(err)",
			"return err",
		}},
		by: []selection{tests(public, "^TestErrorShapes$")},
	},
	{
		name: "deadline and Close errors of writes not rewrapped",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"return 0, unwrap(err)",
			"return 0, err",
		}},
		by: []selection{tests(public, "^TestErrorShapes$")},
	},
	{
		name: "refusal after Close not net.ErrClosed",
		edits: []edit{{
			"dsrudp/operror.go",
			"if refused(err) && c.closed.Load() {",
			"if refused(err) && c.closed.Load() && c.strict {",
		}},
		by: []selection{tests(public, "^TestRefusedAfterClose$")},
	},
	{
		name: "refusal of a raw write after Close not net's",
		edits: []edit{{
			"dsrudp/rawconn.go",
			"if !r.c.closed.Load() && (r.c.gro || r.c.ahead != nil) {",
			"if r.c.gro || r.c.ahead != nil {",
		}},
		by: []selection{tests(public, "^TestErrorShapes$")},
	},
	{
		name: "refusals of raw reads and writes not wrapped",
		edits: []edit{{
			"dsrudp/rawconn.go",
			"return &net.OpError{Op: op, Net: r.c.network, Source: r.c.laddr, Addr: r.c.raddr, Err: err}",
			"return errors.Join(err)",
		}, {
			"dsrudp/rawconn.go",
			"\"net\"\n",
			"\"errors\"\n\t\"net\"\n",
		}},
		by: []selection{tests(public, "^TestGRORefuses$")},
	},
	{
		name: "LocalAddr shared with the caller",
		edits: []edit{{
			"dsrudp/conn.go",
			"return cloneAddr(c.laddr)",
			"return c.laddr",
		}},
		by: []selection{tests(public, "^TestAddressesAreCopies$")},
	},
	{
		name: "no address is not the unspecified one",
		edits: []edit{{
			"dsrudp/target.go",
			"if len(addr.IP) == 0 || addr.IP.Equal(net.IPv4zero) {",
			"if len(addr.IP) == 0 {",
		}},
		by: []selection{tests(public, "^TestUnspecifiedRemote$")},
	},
	{
		name: "no address left to net on an AF_INET6 socket",
		edits: []edit{{
			"dsrudp/target.go",
			"if len(addr.IP) == 0 || addr.IP.Equal(net.IPv4zero) {",
			"if addr.IP.Equal(net.IPv4zero) {",
		}},
		by: []selection{tests(public, "^TestUnspecifiedRemoteStrict$")},
	},
	{
		name: "no address left to net on an AF_INET socket",
		edits: []edit{{
			"dsrudp/target.go",
			"if !ok && len(addr.IP) == 0 {",
			"if !ok && len(addr.IP) == 1 {",
		}},
		by: []selection{tests(public, "^TestUnspecifiedRemoteStrict$")},
	},
	{
		name: "IPv6 address taken on an AF_INET socket",
		edits: []edit{{
			"dsrudp/target.go",
			"} else if !ok || !is4(ip) {",
			"} else if !ok {",
		}},
		by: []selection{tests(public, "^TestErrorShapes$")},
	},
	{
		name: "ReadFrom returns a nil *net.UDPAddr as a net.Addr",
		edits: []edit{{
			"dsrudp/read.go",
			"if addr == nil {",
			"if addr == nil && err == nil {",
		}},
		by: []selection{tests(public, "^TestErrorShapes$|^TestNilConn$|^TestUnblock$")},
	},
}
