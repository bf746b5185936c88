package source

// Probes returns how many answers to whether an address is the host's are kept.
func (s *Selector) Probes() int { return len(s.probes.local) }
