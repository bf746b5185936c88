package source

// Probes returns how many answers to whether an address is the host's are kept.
func (s *Selector) Probes() int { return len(s.probes.local) }

// GroupSources returns how many addresses to answer groups' datagrams from are remembered.
func (s *Selector) GroupSources() int { return len(s.groups.sources) }
