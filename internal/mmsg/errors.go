package mmsg

// Kind is a kind of send failure, by its error.
type Kind uint8

const (
	Other    Kind = iota
	TooLong       // the datagram, or a segment, is longer than the path or the protocol takes
	Denied        // a filter or a route forbids it
	NoBuffer      // the system had no room for it
	Invalid       // EINVAL: one of many things
	IO            // EIO: the device cannot do the checksums that segmentation needs
)
