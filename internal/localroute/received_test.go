package localroute_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

// Sleeping is by synctest's clock here, and takes no time.
const tick = localroute.ReceivedFor

func TestReceivedHoldsForAWhile(t *testing.T) {
	for _, after := range []time.Duration{0, tick / 4, tick - 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRoutes()
			table := r.table()
			var m localroute.Memo
			table.Received(nil, vip.Next(), 0) // starts the clock
			time.Sleep(after)
			table.Received(&m, vip, 0)
			require.Equal(t, 1, r.asked[vip])

			time.Sleep(tick - 1)
			requireLocal(t, table, &m, vip, true)
			requireLocal(t, table, nil, vip, true)
			requireLocal(t, table, nil, vip.Next().Next(), false)
			require.Equal(t, 1, r.asked[vip])

			time.Sleep(tick + 2)
			requireLocal(t, table, &m, vip, false)
			requireLocal(t, table, nil, vip, false)
			require.Zero(t, table.Remembered())
			require.False(t, table.Ticking())
		})
	}
}

// An address that goes on being received goes on being local, without a gap
// and without another lookup, though its Memo knows it most of the time.
func TestReceivedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoutes()
		table := r.table()
		var reader, writer localroute.Memo
		for range 100 {
			table.Received(&reader, vip, 0)
			requireLocal(t, table, &writer, vip, true)
			requireLocal(t, table, &reader, vip, true)
			time.Sleep(tick * 3 / 7)
			requireLocal(t, table, &reader, vip, true) // the reader's Memo knows it, maybe from here
		}
		require.Equal(t, 1, r.asked[vip])
		time.Sleep(2*tick + 1)
		requireLocal(t, table, &writer, vip, false)
	})
}

func TestReceivedLocalNeedsNoClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoutes(vips)
		table := r.table()
		var m localroute.Memo
		for a := vips.Addr(); len(r.asked) < 1 || a.As16()[15] < 100; a = a.Next() {
			table.Received(&m, a, 0)
			table.Received(nil, a, 0)
		}
		require.Len(t, r.asked, 1)
		require.Zero(t, table.Remembered())
		require.False(t, table.Ticking())
		time.Sleep(10 * tick)
		requireLocal(t, table, &m, vips.Addr(), true)
		require.Len(t, r.asked, 1)
	})
}

func TestReceivedIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newRoutes().table()
		ll := netip.MustParseAddr("fe80::1")
		table.Received(nil, ll, 2)
		table.Received(nil, vip, 2)
		for index, want := range []bool{2: true, 3: false} {
			ok, err := table.Local(nil, ll, uint32(index))
			require.NoError(t, err)
			require.Equal(t, want, ok)
		}
		requireLocal(t, table, nil, vip, true)
		requireLocal(t, table, nil, vip.Next(), false)
		requireLocal(t, table, nil, vip.Prev(), false)
	})
}

// Somebody else's route changing does not make a reply fail.
func TestReceivedSurvivesReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newRoutes().table()
		var m localroute.Memo
		table.Received(&m, vip, 0)
		table.Reset()
		requireLocal(t, table, &m, vip, true)
		time.Sleep(2*tick + 1)
		requireLocal(t, table, &m, vip, false)
	})
}

func TestReceivedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newRoutes().table()
		var m localroute.Memo
		a := other
		for range 3 * localroute.MaxReceived {
			table.Received(&m, a, 0)
			requireLocal(t, table, nil, a, true)
			a = a.Next()
		}
		require.LessOrEqual(t, table.Remembered(), 2*localroute.MaxReceived)
		requireLocal(t, table, &m, other, false) // the oldest gives way, not the newest
		time.Sleep(2*tick + 1)
		require.Zero(t, table.Remembered())
	})
}

// An answer that no notification ends is asked for again when its time is up.
func TestUnwatchedAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local, asked := true, 0
		table := localroute.NewTable(localroute.Fake{
			Route: func(netip.Addr, uint32) (localroute.Answer, error) {
				asked++
				return localroute.Answer{Local: local, Prefix: netip.MustParsePrefix("::/0")}, nil
			},
		})
		var m localroute.Memo
		for range 3 {
			requireLocal(t, table, &m, vip, true)
		}
		require.Equal(t, 1, asked)
		require.Zero(t, table.Prefixes())
		local = false
		requireLocal(t, table, &m, other, false) // nothing is concluded from the prefix
		time.Sleep(tick + 1)
		requireLocal(t, table, &m, vip, false)
		require.False(t, table.Ticking())
	})
}

// The kernel announces some changes before it makes them.
func TestResetTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoutes(single(vip))
		table := r.table()
		var m localroute.Memo
		for range 3 { // the second reset counts from the last announcement
			table.ResetTwice()
			time.Sleep(tick / 2)
		}
		requireLocal(t, table, &m, vip, true)
		r.local = nil
		requireLocal(t, table, &m, vip, true)
		time.Sleep(tick)
		requireLocal(t, table, &m, vip, false)
		requireLocal(t, table, &m, vip, false)
		require.Equal(t, 3, r.asked[vip])
	})
}

func TestDeafTableGoesByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoutes(single(vip), vips)
		table := r.table()
		var m localroute.Memo
		requireLocal(t, table, &m, vip, true)
		table.Deafen()
		for range 3 {
			requireLocal(t, table, &m, vip, true)
			requireLocal(t, table, &m, vips.Addr(), true)
		}
		require.Equal(t, 2, r.asked[vip])
		require.Zero(t, table.Prefixes())
		r.local = nil
		time.Sleep(tick + 1)
		requireLocal(t, table, &m, vip, false)
		requireLocal(t, table, &m, vips.Addr(), false)
	})
}
