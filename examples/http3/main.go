// Http3 is an HTTP/3 server made with github.com/quic-go/quic-go, for downloads and uploads
// through any address of the host.
//
//	go run ./examples/http3
//
// It makes a certificate for itself, and logs what makes Chromium trust that:
//
//	chromium --origin-to-force-quic-on=127.0.0.2:4433 \
//		--ignore-certificate-errors-spki-list=HASH https://127.0.0.2:4433/
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func main() {
	listen := flag.String("listen", ":4433", "`address` to listen on")
	flag.Parse()

	conn, err := dsrudp.ListenPacket("udp", *listen) // was net.ListenPacket
	if err != nil {
		log.Fatal(err)
	}
	server, hash, err := newServer()
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	log.Printf("listening on %v with a certificate of hash %s", conn.LocalAddr(), hash)
	go func() {
		<-stop
		server.Close()
	}()
	if err := server.Serve(conn); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// newServer returns a server, and the hash of its certificate's public key.
func newServer() (server *http3.Server, hash string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().AddDate(0, 0, 7)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, "", err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(public)
	return &http3.Server{
		Handler:   http.HandlerFunc(answer),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}},
	}, base64.StdEncoding.EncodeToString(sum[:]), nil
}

var download = strings.Repeat("download", 1<<19)

// answer takes an upload, if there is one, and says which address was asked. For /download
// it adds some megabytes.
func answer(w http.ResponseWriter, r *http.Request) {
	vip := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	log.Printf("%s asks %v: %s %s", r.RemoteAddr, vip, r.Method, r.URL)
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		log.Printf("upload of %s: %v", r.RemoteAddr, err)
		return
	}
	fmt.Fprintf(w, "answered by %v after %d bytes\n", vip, n)
	if r.URL.Path == "/download" {
		io.WriteString(w, download)
	}
}
