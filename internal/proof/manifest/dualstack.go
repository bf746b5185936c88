package main

var dualStack = section{"Dual-stack sockets", []row{
	{"K3.1", "With IPV6_RECVPKTINFO alone an IPv4 datagram comes with the mapped destination of its header, a broadcast or group address too.", []proof{
		"internal/lab/facts TestK3_1_IPv6OptionAlone",
		"internal/pktinfo TestReceiveIPv4InIPv6Message",
	}},
	{"K3.2", "With IP_PKTINFO too it comes with both messages, 72 bytes, and the IPv4 one knows where to answer from.", []proof{
		"internal/lab/facts TestK3_2_BothOptions",
		"internal/pktinfo TestParseTakesIPv4First",
	}},
	{"K3.3", "An IPv4 peer may be answered with IP_PKTINFO or with a mapped source in IPV6_PKTINFO; an IPv6 source is EINVAL.", []proof{
		"internal/lab/facts TestK3_3_AnswerToMappedPeer",
	}},
	{"K3.4", "Control messages of the other family's level, IP_PKTINFO to an IPv6 peer or IPV6_PKTINFO on an AF_INET socket, are ignored without an error, and the source is the kernel's choice.", []proof{
		"internal/lab/facts TestK3_4_WrongFamilyIgnored",
		"internal/pktinfo TestLevelOfDestination",
	}},
	{"K3.5", "IPV6_RECVPKTINFO on an AF_INET socket is ENOPROTOOPT.", []proof{
		"internal/lab/facts TestK3_5_IPv6OptionOnIPv4Socket",
		"internal/pktinfo TestEnableWrongFamily",
	}},
}}
