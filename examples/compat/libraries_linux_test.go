package compat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
	"github.com/xtaci/kcp-go/v5"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/examples/internal/site"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// RADIUS works as it is.
func TestRADIUS(t *testing.T) {
	secret := []byte("secret")
	radiusLibrary := library{
		serve: func(t *testing.T, conn net.PacketConn) func() {
			server := &radius.PacketServer{
				SecretSource: radius.StaticSecretSource(secret),
				Handler: radius.HandlerFunc(func(w radius.ResponseWriter, r *radius.Request) {
					answer := r.Response(radius.CodeAccessReject)
					if rfc2865.UserName_GetString(r.Packet) == "user" && rfc2865.UserPassword_GetString(r.Packet) == "word" {
						answer.Code = radius.CodeAccessAccept
					}
					if err := w.Write(answer); err != nil {
						t.Error(err)
					}
				}),
			}
			return started(func() {
				if err := server.Serve(conn); !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			})
		},
		ask: func(ctx context.Context, host *lab.Host, vip netip.AddrPort) error {
			request := radius.New(radius.CodeAccessRequest, secret)
			if err := errors.Join(rfc2865.UserName_SetString(request, "user"), rfc2865.UserPassword_SetString(request, "word")); err != nil {
				return err
			}
			return host.Do(func() error {
				answer, err := radius.Exchange(ctx, request, vip.String())
				if err == nil && answer.Code != radius.CodeAccessAccept {
					err = fmt.Errorf("the answer is %v", answer.Code)
				}
				return err
			})
		},
	}
	radiusLibrary.answers(t, site.DSR)
	radiusLibrary.fails(t, site.Net)
}

// SIP works as it is: the library makes the address of an answer from text, and the path
// memory has the VIP that this client asked last.
func TestSIP(t *testing.T) {
	sipLibrary := library{
		serve: func(t *testing.T, conn net.PacketConn) func() {
			agent, err := sipgo.NewUA()
			require.NoError(t, err)
			server, err := sipgo.NewServer(agent)
			require.NoError(t, err)
			server.OnOptions(func(request *sip.Request, tx sip.ServerTransaction) {
				if err := tx.Respond(sip.NewResponseFromRequest(request, sip.StatusOK, "OK", nil)); err != nil {
					t.Error(err)
				}
			})
			wait := started(func() {
				if err := server.ServeUDP(conn); err != nil {
					t.Error(err)
				}
			})
			return func() {
				wait()
				require.NoError(t, agent.Close())
			}
		},
		ask: func(ctx context.Context, host *lab.Host, vip netip.AddrPort) error {
			// The library's client takes an answer from anywhere. This one is connected.
			c, err := dial(ctx, host, vip)
			if err != nil {
				return err
			}
			defer c.Close()
			if _, err := c.Write([]byte(options(vip).String())); err != nil {
				return err
			}
			b := make([]byte, 1<<16)
			n, err := c.Read(b)
			if err != nil {
				return err
			}
			answer, err := sip.ParseMessage(b[:n])
			if err != nil {
				return err
			}
			if r, ok := answer.(*sip.Response); !ok || r.StatusCode != sip.StatusOK {
				return fmt.Errorf("the answer is %v", answer)
			}
			return nil
		},
	}
	sipLibrary.answers(t, site.DSR)
	sipLibrary.fails(t, site.Net)
}

// options returns the request that asks a server what it can do.
func options(vip netip.AddrPort) *sip.Request {
	request := sip.NewRequest(sip.OPTIONS, sip.Uri{User: "bob", Host: "example.org"})
	via := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: "client.example.org", Params: sip.NewParams()}
	via.Params.Add("branch", sip.GenerateBranch())
	via.Params.Add("rport", "")
	from := &sip.FromHeader{Address: sip.Uri{User: "alice", Host: "example.org"}, Params: sip.NewParams()}
	from.Params.Add("tag", sip.GenerateTagN(16))
	to := &sip.ToHeader{Address: request.Recipient, Params: sip.NewParams()}
	callID := sip.CallIDHeader(vip.String())
	for _, h := range []sip.Header{via, from, to, &callID, &sip.CSeqHeader{SeqNo: 1, MethodName: sip.OPTIONS}} {
		request.AppendHeader(h)
	}
	return request
}

// KCP works with the Conn wrapped.
func TestKCP(t *testing.T) {
	kcpLibrary.answers(t, wrapped)
	kcpLibrary.fails(t, site.Net)
}

// kcpLibrary echoes what the first session of each client sends.
var kcpLibrary = library{
	serve: func(t *testing.T, conn net.PacketConn) func() {
		listener, err := kcp.ServeConn(nil, 0, 0, conn)
		require.NoError(t, err)
		wait := started(func() {
			for {
				session, err := listener.AcceptKCP()
				if err != nil {
					return
				}
				go func() {
					defer session.Close()
					session.SetDeadline(time.Now().Add(site.Patience))
					io.Copy(session, session)
				}()
			}
		})
		return func() {
			listener.Close()
			wait()
		}
	},
	ask: func(ctx context.Context, host *lab.Host, vip netip.AddrPort) error {
		var session *kcp.UDPSession
		err := host.Do(func() (err error) {
			session, err = kcp.DialWithOptions(vip.String(), nil, 0, 0)
			return err
		})
		if err != nil {
			return err
		}
		return echoed(ctx, session)
	},
}

// echoed sends several segments by the session, receives them, and closes it.
func echoed(ctx context.Context, session *kcp.UDPSession) error {
	defer session.Close()
	defer context.AfterFunc(ctx, func() { session.SetDeadline(time.Unix(1, 0)) })()
	session.SetNoDelay(1, 10, 2, 1)
	request := make([]byte, 10_000)
	copy(request, session.RemoteAddr().String())
	if _, err := session.Write(request); err != nil {
		return err
	}
	answer := make([]byte, len(request))
	if _, err := io.ReadFull(session, answer); err != nil {
		return err
	}
	if string(answer) != string(request) {
		return fmt.Errorf("the answer is %q", answer)
	}
	return nil
}

// KCP makes x/net's PacketConn of a Conn that is not wrapped, and gets an error at once. It
// is right where the Conn is bound to one VIP.
func TestT1_KCPNotWrapped(t *testing.T) {
	conn, err := dsrudp.ListenPacket("udp", ":0")
	require.NoError(t, err)
	defer conn.Close()
	listener, err := kcp.ServeConn(nil, 0, 0, conn)
	require.NoError(t, err)
	defer listener.Close()
	_, err = listener.Accept()
	require.ErrorIs(t, err, dsrudp.ErrRawIO)
	require.NotZero(t, conn.Stats().RawRefused)

	bound, err := dsrudp.ListenPacket("udp", "127.0.0.2:0")
	require.NoError(t, err)
	defer kcpLibrary.serve(t, bound)()
	defer bound.Close()
	session, err := kcp.DialWithOptions(bound.LocalAddr().String(), nil, 0, 0)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), site.Patience)
	defer cancel()
	require.NoError(t, echoed(ctx, session))
}
