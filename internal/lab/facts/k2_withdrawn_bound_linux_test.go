package facts_test

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// K2.10: a socket that was bound before its VIP was withdrawn, and adopted after
// that, with the option on or off by then.
func TestK2_10_AdoptedAfterWithdrawal(t *testing.T) {
	d := newDuo(t)
	for _, w := range k2Withdrawals[:2] {
		for name, option := range map[string]bareOption{
			"FREEBIND": bareFreebind, "FREEBIND cleared": bareOff(unix.IPPROTO_IPV6, unix.IPV6_FREEBIND),
		} {
			t.Run(w.name+"/"+name, func(t *testing.T) {
				b := d.listen(t, "udp6", w.vips[0], bareFreebind)
				b.set(option)
				require.NoError(t, w.withdraw(d))
				c, to := guardConn(t, b.UDPConn), d.unheard(t)
				send := map[string]func(payload string) error{
					"WriteToUDPAddrPort": func(s string) error { _, err := c.WriteToUDPAddrPort([]byte(s), to); return err },
					"WriteTo":            func(s string) error { _, err := c.WriteTo([]byte(s), net.UDPAddrFromAddrPort(to)); return err },
					"WriteMsgUDP": func(s string) error {
						_, _, err := c.WriteMsgUDP([]byte(s), nil, net.UDPAddrFromAddrPort(to))
						return err
					},
					"WriteToPath": func(s string) error {
						_, err := c.WriteToPath([]byte(s), dsrudp.Path{Local: guardVIP(w.vips[0]), Remote: to})
						return err
					},
				}
				var bad []string
				for way, f := range send {
					bad = append(bad, duoPayload("withdrawn before adoption, by "+way))
					dsrNotLocal(t, f(bad[len(bad)-1]))
				}
				d.requireSilence(t, bad...)

				require.NoError(t, w.restore(d))
				for way, f := range send {
					payload := duoPayload("back, by " + way)
					require.NoError(t, f(payload))
					d.requireSentFrom(t, payload, w.vips[0])
				}
			})
		}
	}
}

// K2.10: a connected socket stops too.
func TestK2_10_WithdrawnConnected(t *testing.T) {
	d := newDuo(t)
	for _, w := range k2Withdrawals[:2] {
		t.Run(w.name, func(t *testing.T) {
			vip, to := w.vips[0], d.unheard(t)
			dialer := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(guardVIP(vip)), Control: bareControl(bareFreebind)}
			var u net.Conn
			require.NoError(t, d.server.Do(func() (err error) {
				u, err = dialer.DialContext(t.Context(), "udp6", to.String())
				return err
			}))
			c := guardConn(t, u.(*net.UDPConn))
			write := func(s string) error { _, err := c.Write([]byte(s)); return err }
			writeMsg := func(s string) error { _, _, err := c.WriteMsgUDP([]byte(s), nil, nil); return err }

			payload := duoPayload("connected")
			require.NoError(t, write(payload))
			d.requireSentFrom(t, payload, vip)
			require.NoError(t, w.withdraw(d))
			duoSoon(t, "a withdrawn VIP is refused", func() bool { return errors.Is(write("may still leave"), dsrudp.ErrNotLocal) })
			bad := []string{duoPayload("by Write"), duoPayload("by WriteMsgUDP")}
			dsrNotLocal(t, write(bad[0]))
			dsrNotLocal(t, writeMsg(bad[1]))
			d.requireSilence(t, bad...)

			require.NoError(t, w.restore(d))
			payload = duoPayload("connected again")
			require.NoError(t, writeMsg(payload))
			d.requireSentFrom(t, payload, vip)
		})
	}
}
