package dsrudp_test

import (
	"net"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestMethodSet: Conn has every method of *net.UDPConn, signature by signature.
func TestMethodSet(t *testing.T) {
	ours, nets := reflect.TypeFor[*dsrudp.Conn](), reflect.TypeFor[*net.UDPConn]()
	for i := range nets.NumMethod() {
		want := nets.Method(i)
		got, ok := ours.MethodByName(want.Name)
		require.True(t, ok, "Conn has no method %s", want.Name)
		require.Equal(t, signature(want.Type), signature(got.Type), want.Name)
	}
	require.Greater(t, nets.NumMethod(), 20)
}

// signature is a method's type without its receiver.
func signature(m reflect.Type) reflect.Type {
	var in, out []reflect.Type
	for i := 1; i < m.NumIn(); i++ {
		in = append(in, m.In(i))
	}
	for i := range m.NumOut() {
		out = append(out, m.Out(i))
	}
	return reflect.FuncOf(in, out, m.IsVariadic())
}

// TestNilConn: methods of a nil Conn, and of a zero one, return what those of a
// zero net.UDPConn do.
func TestNilConn(t *testing.T) {
	zero := new(net.UDPConn)
	for _, c := range []*dsrudp.Conn{nil, {}} {
		ours, nets := reflect.ValueOf(c), reflect.ValueOf(zero)
		for i := range nets.NumMethod() {
			name := nets.Type().Method(i).Name
			if name == "LocalAddr" || name == "RemoteAddr" || name == "File" {
				continue // below; net's File panics
			}
			require.Equal(t, call(nets.MethodByName(name)), call(ours.MethodByName(name)), name)
		}
		require.Nil(t, c.LocalAddr())
		require.Nil(t, c.RemoteAddr())
		_, err := c.File()
		require.Equal(t, syscall.EINVAL, err)
		_, _, err = c.ReadFromPath(nil)
		require.Equal(t, syscall.EINVAL, err)
		_, err = c.WriteToPath(nil, dsrudp.Path{})
		require.Equal(t, syscall.EINVAL, err)
		require.Zero(t, c.Stats())
		_, ok := c.PathTo(vipPort)
		require.False(t, ok)
	}
}

// call calls a method with zero arguments and returns its results.
func call(m reflect.Value) (results []any) {
	var in []reflect.Value
	for i := range m.Type().NumIn() {
		in = append(in, reflect.Zero(m.Type().In(i)))
	}
	for _, v := range m.Call(in) {
		results = append(results, v.Interface())
	}
	return results
}

// TestAddressesAreCopies: pion/turn edits what LocalAddr returns.
func TestAddressesAreCopies(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	a := c.LocalAddr().(*net.UDPAddr)
	want := a.String()
	a.IP[3], a.Port = 99, 1
	require.Equal(t, want, c.LocalAddr().String())
	require.Nil(t, c.RemoteAddr())

	d := adopt(t, dial(t, vipPort0, addrPortOf(c.LocalAddr())))
	r := d.RemoteAddr().(*net.UDPAddr)
	want = r.String()
	r.IP[len(r.IP)-1]++
	require.Equal(t, want, d.RemoteAddr().String())
}

// TestBuffersAndDeadlines: the setters reach the socket.
func TestBuffersAndDeadlines(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	require.NoError(t, c.SetReadBuffer(1<<16))
	require.NoError(t, c.SetWriteBuffer(1<<16))
	require.NoError(t, c.SetDeadline(time.Unix(1, 0)))
	_, _, err := c.ReadFromPath(make([]byte, 1))
	require.ErrorIs(t, err, errTimeout)
	_, err = c.WriteToPath(nil, dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: addrPortOf(c.LocalAddr())})
	require.ErrorIs(t, err, errTimeout)
	require.NoError(t, c.SetWriteDeadline(time.Time{}))
	_, err = c.WriteToPath([]byte("x"), dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: addrPortOf(c.LocalAddr())})
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	_, p, err := c.ReadFromPath(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, p.Local, p.Remote)
}
