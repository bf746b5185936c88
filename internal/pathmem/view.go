package pathmem

import "net/netip"

// A View is one caller's way to a Table. It keeps what it knows of the remote
// that it met last: whoever was just heard is the next to be answered, and as long
// as nothing changes near its entry what was found for the one is good for the
// other. A View serves one call at a time.
type View struct {
	t *Table

	remote netip.AddrPort
	zone   uint32
	key    key
	shard  *shard

	// What the shard's array said of key when its seq was seq; nothing if that is
	// odd, as where it has not been asked. There is no pointer to the array:
	// it may be outgrown meanwhile, and would be kept alive.
	seq   uint64
	place place
	record
}

// View returns a View of t.
func (t *Table) View() View { return View{t: t} }

// A Sighting is a local address that a remote was seen writing to, for those who
// see many there. It is made by [SightingOf].
type Sighting record

// SightingOf returns the Sighting of a remote that wrote to local. The parameters
// are those of [View.Note].
func SightingOf(local netip.Addr, zone uint32) Sighting {
	if !local.IsValid() {
		return Sighting{meta: metaLost}
	}
	hi, lo := words(local)
	r := record{metaLocal, hi, lo}
	if r.zoned() {
		r.meta |= uint64(zone)
	}
	return Sighting(r)
}

// Note remembers that remote wrote to local. Where remote or local is an IPv6
// link-local address, or local is the unspecified IPv6 address (which stands
// for a multicast group), zone is the index of the interface the datagram came
// in by; elsewhere it is ignored, and so is the zone inside a [netip.Addr].
//
// A remote remembered with another local address, or with the same one in
// another zone, is Ambiguous from now on. With an invalid local the remote is
// [Lost] until it is noted with a valid one; what was known before decides whether
// it then is Known or Ambiguous. An invalid remote is not remembered.
func (v *View) Note(remote netip.AddrPort, local netip.Addr, zone uint32) {
	if remote.IsValid() {
		v.Meet(remote, zone)
		v.See(SightingOf(local, zone))
	}
}

// Meet makes remote, which is valid, the one that See is about. The parameters
// are those of Note.
func (v *View) Meet(remote netip.AddrPort, zone uint32) {
	if v.remote != remote || v.zone != zone {
		v.remote, v.zone = remote, zone
		v.key = v.t.seed.key(remote, zone)
		v.shard = v.t.shard(&v.key)
		v.seq = changing
	}
}

// See is Note of the remote that was met last. Where both it and the local address
// have a zone the remote's counts.
func (v *View) See(seen Sighting) {
	s := v.shard
	if v.look() && v.place != nowhere {
		r := merge(&v.key, &v.record, record(seen), v.t.epoch(s))
		if r == v.record {
			return
		}
		s.mu.Lock()
		if v.current() {
			a := s.array.Load()
			a.change(a.entry(v.place), &v.record, &r)
			v.record = r
			v.seq = a.seq.Load() // under the lock: later it may count another's change
			s.mu.Unlock()
			return
		}
	} else {
		s.mu.Lock()
	}
	v.t.write(s, &v.key, record(seen))
	s.mu.Unlock()
}

// Find returns the local address that remote last wrote to, IPv4 always as
// IPv4, never with a zone inside. zone is ignored unless remote is an IPv6
// link-local address. localZone is zero unless local is an IPv6 link-local
// address or the unspecified one. If the remote is Unknown or Lost, local is
// the zero Addr.
func (v *View) Find(remote netip.AddrPort, zone uint32) (local netip.Addr, localZone uint32, state State) {
	if !remote.IsValid() {
		return netip.Addr{}, 0, Unknown
	}
	v.Meet(remote, zone)
	if !v.look() {
		v.shard.mu.Lock()
		v.look()
		v.shard.mu.Unlock()
	}
	if state = v.state(); state == Unknown || state == Lost {
		return netip.Addr{}, 0, state
	}
	if v.zoned() {
		localZone = uint32(v.meta)
	}
	return v.local(), localZone, state
}

// current reports whether what v knows of its remote is what the table has. While a
// change goes on nothing is known, not even where the numbers are equal.
func (v *View) current() bool {
	a := v.shard.array.Load()
	return a != nil && a.seq.Load() == v.seq && v.seq&changing == 0
}

// look brings what v knows of its remote up to date. It reports false if a writer
// got in the way, which under the lock none does.
func (v *View) look() bool { return v.current() || v.lookAgain() }

func (v *View) lookAgain() bool {
	v.place, v.record, v.seq = v.shard.array.Load().find(&v.key)
	return v.seq&changing == 0
}
