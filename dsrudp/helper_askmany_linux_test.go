package dsrudp_test

import (
	"net"
	"testing"
)

func askMany(t *testing.T, x net.Conn, request []byte, n int) {
	for range n {
		if _, err := x.Write(request); err != nil {
			t.Fatal(err)
		}
	}
}

func drain(t *testing.T, x net.Conn, b []byte, n int) {
	for range n {
		if _, err := x.Read(b); err != nil {
			t.Fatal(err)
		}
	}
}
