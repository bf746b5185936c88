package udpaddr

import "sync"

// maxZones bounds the table of zones: a host that has had more interfaces with
// link-local peers than this in one process gets addresses that carry nothing.
const maxZones = 1 << 14

// zones numbers the zones met so far: a zone is a string, and a string cannot
// be kept among bytes that the garbage collector does not look at. Number 0 is
// the empty zone.
var zones = &zoneTable{ids: map[string]uint16{"": 0}, names: []string{""}}

type zoneTable struct {
	mu    sync.RWMutex
	ids   map[string]uint16
	names []string
}

func (z *zoneTable) id(name string) (uint16, bool) {
	if name == "" {
		return 0, true
	}
	return z.idOf(name)
}

func (z *zoneTable) idOf(name string) (uint16, bool) {
	z.mu.RLock()
	id, ok := z.ids[name]
	z.mu.RUnlock()
	if ok {
		return id, true
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if id, ok := z.ids[name]; ok {
		return id, true
	}
	if len(z.names) >= maxZones {
		return 0, false
	}
	id = uint16(len(z.names))
	z.names = append(z.names, name)
	z.ids[name] = id
	return id, true
}

func (z *zoneTable) name(id uint16) (string, bool) {
	if id == 0 {
		return "", true
	}
	return z.nameOf(id)
}

func (z *zoneTable) nameOf(id uint16) (string, bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	if int(id) >= len(z.names) {
		return "", false
	}
	return z.names[id], true
}
