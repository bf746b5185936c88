package main

var ipv6 = section{"IPv6, without and with IPV6_FREEBIND", []row{
	{"K2.1", "A socket is told of a VIP, or an address of a /96 of VIPs, that is only a local route.", []proof{
		"internal/lab/facts TestK2_1_ReceivedDestination",
	}},
	{"K2.2", "Sending from such a VIP is EINVAL, and works with IPV6_FREEBIND.", []proof{
		"internal/lab/facts TestK2_2_SendFromVIP",
		"internal/lab/facts TestK2_2_SendFromVIPBehindBalancer",
	}},
	{"K2.3", "Binding to such a VIP is EADDRNOTAVAIL, and works with IPV6_FREEBIND.", []proof{
		"internal/lab/facts TestK2_3_BindToVIP",
		"internal/lab/facts TestK2_3_FreeBindBeforeVIP",
	}},
	{"K2.4", "A VIP that is an address of lo works either way.", []proof{
		"internal/lab/facts TestK2_4_VIPOnLoopbackInterface",
	}},
	{"K2.5", "A source that is not the host's is EINVAL. With IPV6_FREEBIND it leaves: a spoofed datagram.", []proof{
		"internal/lab/facts TestK2_5_ForeignSource",
	}},
	{"K2.6", "So does a multicast source.", []proof{
		"internal/lab/facts TestK2_6_MulticastSource",
	}},
	{"K2.7", "So does a link-local source that is not the host's.", []proof{
		"internal/lab/facts TestK2_7_LinkLocalSource",
		"internal/lab/facts TestK2_7_LinkLocalSourceNeedsIndex",
		"internal/lab/facts TestK2_7_LinkLocalPeers",
	}},
	{"K2.8", "The kernel lets ::1 out to other hosts either way.", []proof{
		"internal/lab/facts TestK2_8_LoopbackToRemotePeer",
		"internal/lab/facts TestK2_8_LoopbackToLocalPeer",
		"dsrudp TestLoopbackToOthers",
	}},
	{"K2.9", "An IPv4-mapped source to an IPv6 peer is EINVAL, and EAFNOSUPPORT with IPV6_FREEBIND.", []proof{
		"internal/lab/facts TestK2_9_MappedSourceToV6Peer",
	}},
	{"K2.10", "A reply from a withdrawn VIP is EINVAL; with IPV6_FREEBIND it leaves as before.", []proof{
		"internal/lab/facts TestK2_10_WithdrawnBare",
		"internal/lab/facts TestK2_10_Withdrawn",
		"internal/lab/facts TestK2_10_AdoptedAfterWithdrawal",
		"internal/lab/facts TestK2_10_WithdrawnConnected",
	}},
}}
