package mmsg

// Kind is a kind of send failure, by its error.
type Kind uint8

const (
	Other       Kind = iota
	TooLong          // the datagram, or a segment, is longer than the path or the protocol lets through
	Denied           // a filter or a route forbids it
	Unreachable      // no route, or nobody there
	NoBuffer         // the system had no room for it
	Invalid          // EINVAL: one of many things
	IO               // EIO: the device on the way cannot do checksums, which segmentation needs

	Kinds // how many there are
)
