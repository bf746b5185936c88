//go:build linux

package echo

import "github.com/dsrudp/go-dsrudp/dsrudp"

func init() {
	servers["dsrudp Server"] = func(s Spec) (*server, error) {
		return serve(s, dsrudp.ListenConfig{}, &dsrudp.Server{Handler: dsrudp.HandlerFunc(reply)})
	}
	servers["dsrudp Server, GRO split"] = func(s Spec) (*server, error) {
		return serve(s, dsrudp.ListenConfig{GRO: true}, &dsrudp.Server{Handler: dsrudp.HandlerFunc(reply)})
	}
	servers["dsrudp Server, GRO handed through"] = func(s Spec) (*server, error) {
		return serve(s, dsrudp.ListenConfig{GRO: true}, &dsrudp.Server{Handler: dsrudp.HandlerFunc(replyTrain), Trains: true})
	}
}

func reply(w dsrudp.ReplyWriter, p *dsrudp.Packet) { w.Write(p.Payload()) }

// replyTrain sends a train back as one.
func replyTrain(w dsrudp.ReplyWriter, p *dsrudp.Packet) { w.WritePacket(p) }

// serve makes a server of one Server on all the Conns of s.
func serve(s Spec, lc dsrudp.ListenConfig, d *dsrudp.Server) (*server, error) {
	cs, err := listen(s, lc)
	if err != nil {
		return nil, err
	}
	srv := serverOf(cs)
	srv.loops = append(srv.loops, func() error { return d.Serve(cs...) })
	return srv, nil
}
