package source

// Kept returns how many answers are kept to whether an address is the host's, and from which
// to answer groups' datagrams.
func (s *Selector) Kept() (probes, groups int) { return len(s.probes.answers), len(s.groups.answers) }

// MaxKept is how many that are at most.
const MaxKept = maxRecent
