// Operate is examples/server as one would run it: a socket for each processor, structured
// logs, metrics, sockets from systemd, and a restart in which no datagram is lost.
//
//	go build ./examples/operate && ./operate -listen :60002 -metrics localhost:2112
//
// SIGHUP starts the program again, from the file that is there by then, with the sockets of
// this process, which ends when the new one is ready. SIGTERM and SIGINT end it. The units
// beside this file run it by systemd.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"
	"github.com/coreos/go-systemd/v22/activation"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	dsrudpprometheus "github.com/dsrudp/go-dsrudp/dsrudp/prometheus"
)

var (
	listen  = flag.String("listen", ":60002", "`address` to listen on, unless systemd passes sockets")
	readers = flag.Int("readers", runtime.GOMAXPROCS(0), "`number` of sockets to listen with")
	metrics = flag.String("metrics", "localhost:2112", "`address` of the metrics, by HTTP")
	pidFile = flag.String("pid-file", "", "`file` for the process that is ready, for systemd")
)

// options are those of all sockets, wherever they come from. The server's replies need no
// path memory.
var options = dsrudp.ListenConfig{PathMemory: -1}

// drain is how long a process that is to end may take to answer what is queued.
const drain = 5 * time.Second

func main() {
	flag.Parse()
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)).With("pid", os.Getpid()))
	if err := run(); err != nil {
		slog.Error("operate", "error", err)
		os.Exit(1)
	}
}

func run() error {
	// Before the log says that the program listens: a signal may follow at once.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)

	restart, err := tableflip.New(tableflip.Options{PIDFile: *pidFile})
	if err != nil {
		return err
	}
	defer restart.Stop()
	conns, err := open(restart.Fds)
	if err != nil {
		return err
	}
	web, err := restart.Listen("tcp", *metrics)
	if err != nil {
		return err
	}
	prometheus.MustRegister(dsrudpprometheus.NewCollector(conns...))
	http.Handle("/metrics", promhttp.Handler())

	ended := make(chan error, 2)
	go func() { ended <- http.Serve(web, nil) }()
	// Failures are logged by slog's default Logger, some in a second and how many more.
	server := &dsrudp.Server{Handler: dsrudp.HandlerFunc(echo)}
	go func() { ended <- server.Serve(conns...) }()

	if err := restart.Ready(); err != nil { // the process before this one ends now
		return err
	}
	slog.Info("listening", "address", conns[0].LocalAddr(), "sockets", len(conns), "metrics", web.Addr())

	for running := true; running; {
		select {
		case err := <-ended:
			return err
		case s := <-signals:
			if s != syscall.SIGHUP {
				signal.Stop(signals)
				slog.Info("draining; a second signal ends the process at once", "limit", drain)
				restart.Stop()
				continue
			}
			go func() {
				err := restart.WaitForParent(context.Background()) // of the restart before
				if err == nil {
					err = restart.Upgrade()
				}
				if err != nil {
					slog.Error("restart", "error", err)
				}
			}()
		case <-restart.Exit():
			signal.Stop(signals) // the next one ends the process at once
			running = false
		}
	}
	web.Close()
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	return server.Shutdown(ctx) // answers what is queued; what comes later is the next process's
}

func echo(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
	if _, err := fmt.Fprintf(w, "ECHO: %s", p.Payload()); err != nil {
		slog.Warn("no answer", "path", p.Path, "error", err)
	}
}

// open returns the sockets of the process that started this one for a restart, or systemd's,
// or new ones, and has the next process get them.
func open(fds *tableflip.Fds) (conns []*dsrudp.Conn, err error) {
	passed, err := activation.PacketConns() // those of LISTEN_FDS, if they are this process's
	for c := net.PacketConn(nil); err == nil; {
		if c, err = fds.PacketConn("udp", strconv.Itoa(len(passed))); c == nil {
			break
		}
		passed = append(passed, c)
	}
	if err != nil {
		return nil, err
	}
	if len(passed) == 0 {
		conns, err = options.ListenN(context.Background(), "udp", *listen, *readers)
	} else {
		sockets := make([]*net.UDPConn, len(passed))
		for i, c := range passed {
			sockets[i], _ = c.(*net.UDPConn) // NewConns refuses nil
		}
		conns, err = options.NewConns(sockets...)
	}
	for i, c := range conns {
		err = cmp.Or(err, fds.AddPacketConn("udp", strconv.Itoa(i), c))
	}
	return conns, err
}
