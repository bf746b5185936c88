// Package repair makes the changes to a host's packet filter by which Google's
// document "Use UDP with external passthrough Network Load Balancers" repairs
// the answers of a server without support for VIPs: translation of the
// destination ([DNAT]), and stateless rewriting of the source ([Mangle]).
//
// The rules are made in the real netfilter, over netlink, so that neither
// iptables nor nft need be installed; the commands by which a person makes the
// same rules come with them ([DNATByNFT], [DNATByIPTables], [MangleByNFT]).
// [Run] carries out such commands on a host where the tool is installed. The
// document's own commands have typing errors: see [Typos].
//
// The other two repairs of the document are changes of the program, not of the
// host.
//
// The package is for Linux only, and empty elsewhere.
package repair
