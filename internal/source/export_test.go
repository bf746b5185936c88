package source

// GroupSources returns how many addresses to answer groups' datagrams from are remembered.
func (s *Selector) GroupSources() int { return len(s.groups.sources) }
