//go:build linux

package lab

import (
	"fmt"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// snapLength is the length up to which a reader of the file must expect
// packets: what tcpdump writes by default.
const snapLength = 262144

// WritePCAP writes packets to w as a file that Wireshark and tcpdump -r read:
// pcap with times in nanoseconds, and Ethernet headers. They need not be from
// one capture. Checksums that a cable leaves to its far end are not filled in;
// Wireshark does not check them unless told to.
func WritePCAP(w io.Writer, packets []Packet) error {
	f := pcapgo.NewWriterNanos(w)
	if err := f.WriteFileHeader(snapLength, layers.LinkTypeEthernet); err != nil {
		return fmt.Errorf("lab: writing pcap: %w", err)
	}
	for _, p := range packets {
		info := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(p.Frame), Length: len(p.Frame)}
		if err := f.WritePacket(info, p.Frame); err != nil {
			return fmt.Errorf("lab: writing pcap: %w", err)
		}
	}
	return nil
}
