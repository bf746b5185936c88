package main

var bound = section{"Bound sockets and SO_REUSEPORT", []row{
	{"K4.1", "A socket bound to the VIP sends from it without being told. An IP_PKTINFO message without a source takes it off that address.", []proof{
		"internal/lab/facts TestK4_1_BoundToVIP",
		"internal/lab/facts TestK4_1_BoundAndAdopted",
		"dsrudp TestBoundConn",
		"dsrudp TestBoundAndEmptyRequest",
		"internal/pktinfo TestAppendNoSource",
		"internal/lab/facts TestK4_1_InterfaceToGroup",
	}},
	{"K4.2", "The VIP is not part of the hash of a wildcard SO_REUSEPORT group: one client port is served by one socket for all VIPs.", []proof{
		"internal/lab/facts TestK4_2_ReusePortGroup",
		"dsrudp TestListenN",
	}},
	{"K4.3", "A socket bound to the VIP gets its datagrams before one bound to the wildcard does.", []proof{
		"internal/lab/facts TestK4_3_SpecificBeatsWildcard",
	}},
	{"K4.4", "Between bind and a later setting of IP_PKTINFO datagrams may be queued without it, so it is set before.", []proof{
		"internal/lab/facts TestK4_4_OptionBeforeBind",
		"dsrudp TestListenConfig",
	}},
}}
