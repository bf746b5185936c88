package prometheus

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// The Conns of a ListenN have counts of their own, and one path memory, which is there once.
func TestT44_SumsOfASet(t *testing.T) {
	set, err := new(dsrudp.ListenConfig).ListenN(t.Context(), "udp4", ":0", 2)
	require.NoError(t, err)
	other, err := dsrudp.ListenPacket("udp4", ":0")
	require.NoError(t, err)

	// Three clients of the set, wherever the kernel puts them, and a failure of each Conn.
	requests := make(chan error)
	for _, c := range append(set, other) {
		defer c.Close()
		_, err := c.WriteTo(make([]byte, 1<<16), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
		require.ErrorContains(t, err, "message too long")
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		go func() {
			for err := error(nil); err == nil; {
				_, _, err = c.ReadFrom(make([]byte, 1))
				select {
				case requests <- err:
				case <-t.Context().Done():
					return
				}
			}
		}()
	}
	for range 3 {
		client, err := net.Dial("udp4", net.JoinHostPort("127.0.0.1", strings.TrimPrefix(set[0].LocalAddr().String(), "0.0.0.0:")))
		require.NoError(t, err)
		defer client.Close()
		_, err = client.Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, <-requests)
	}

	registry := prometheus.NewPedanticRegistry()
	for name, conns := range map[string][]*dsrudp.Conn{"set": set, "other": {other}} {
		prometheus.WrapRegistererWith(prometheus.Labels{"listener": name}, registry).MustRegister(NewCollector(conns...))
	}
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP dsrudp_send_failed_total Datagrams not sent for another reason.
# TYPE dsrudp_send_failed_total counter
dsrudp_send_failed_total{listener="other",socket="0"} 1
dsrudp_send_failed_total{listener="set",socket="0"} 1
dsrudp_send_failed_total{listener="set",socket="1"} 1
# HELP dsrudp_path_memory_entries Remote addresses in the path memory.
# TYPE dsrudp_path_memory_entries gauge
dsrudp_path_memory_entries{listener="other"} 0
dsrudp_path_memory_entries{listener="set"} 3
`), "dsrudp_send_failed_total", "dsrudp_path_memory_entries"))

	families, err := registry.Gather()
	require.NoError(t, err)
	sums := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			sums[f.GetName()] += m.GetCounter().GetValue()
		}
	}
	require.EqualValues(t, 3, sums["dsrudp_received_datagrams_total"])
	require.EqualValues(t, 3, sums["dsrudp_received_bytes_total"])
}
