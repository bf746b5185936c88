//go:build linux

package plan

// Names of servers that others are held against.
const (
	A      = "net AddrPort"
	C      = "C recvmmsg"
	CGRO   = "C GRO"
	CGroup = "C GSO grouping"

	netFrom    = "net ReadFrom"
	netFromUDP = "net ReadFromUDP"
	wireguard  = "wireguard-go StdNetBind"
	xnetBatch  = "x/net ReadBatch"
)

// Names of this project's servers.
const (
	addrPort     = "dsrudp AddrPort"
	readFrom     = "dsrudp ReadFrom"
	readFromUDP  = "dsrudp ReadFromUDP"
	readFromPath = "dsrudp ReadFromPath"
	readPackets  = "dsrudp ReadPackets"
	readBatch    = "dsrudp ReadBatch"
	readAhead    = "dsrudp AddrPort, read-ahead" // and coalesced writes
	server       = "dsrudp Server"
	ungrouped    = "dsrudp Server, no grouping"
	plain        = "dsrudp Server, plain system calls"
	trains       = "dsrudp Server, GRO handed through"
	split        = "dsrudp Server, GRO split"
	packetGRO    = "dsrudp ReadPackets, GRO"
)
