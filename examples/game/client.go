package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// play sends a move ten times a second, and writes to out what the server sends. It returns
// when conn is closed.
func play(conn net.Conn, name string, out io.Writer) error {
	defer conn.Close()
	var token atomic.Value
	token.Store(strings.Repeat("0", 16)) // as long as a real one
	go func() {
		for range time.Tick(time.Second / 10) {
			if _, err := fmt.Fprintf(conn, "play %s %s", token.Load(), name); err != nil {
				return // the read fails too
			}
		}
	}()
	buf := make([]byte, 1500)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		if t, ok := strings.CutPrefix(string(buf[:n]), "token "); ok {
			token.Store(t)
		} else {
			fmt.Fprintf(out, "%s\n", buf[:n])
		}
	}
}
