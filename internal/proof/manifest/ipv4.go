package main

var ipv4 = section{"IPv4, a socket bound to the wildcard address", []row{
	{"K1.1", "A plain sendto answers a VIP's client from the host's own address. A connected client's kernel drops the answer, and the client sees a timeout; an unconnected client takes it, and so proves nothing.", []proof{
		"internal/lab/facts TestK1_1_SendtoLeavesFromOwnAddress",
		"internal/lab/facts TestSeed_OneLineChanged",
	}},
	{"K1.2", "IP_PKTINFO with the VIP in ipi_spec_dst and no interface index sends from the VIP, and needs no privilege.", []proof{
		"internal/lab/facts TestK1_2_SourceWithoutPrivilege",
		"internal/pktinfo TestAppendSourceLocalRoute",
	}},
	{"K1.3", "ipi_addr counts for nothing in what is sent: with only that set the source is the kernel's choice, and there is no error.", []proof{
		"internal/lab/facts TestK1_3_HeaderDestinationIsNoSource",
		"internal/pktinfo TestRequestedHeaderDstAlone",
	}},
	{"K1.4", "The received message, handed back as it is, works where the reply leaves by the interface that the request came in by.", []proof{
		"internal/lab/facts TestK1_4_EchoOnSymmetricRoute",
	}},
	{"K1.5", "Where it does not, the index in it makes the kernel look for the client on the wrong link: the send succeeds and the reply is lost. Index 0 leaves the choice to the routing table.", []proof{
		"internal/lab/facts TestK1_5_ArrivalInterfaceEchoed_Asymmetric",
		"internal/lab/facts TestK1_5_ArrivalInterfaceEchoed_Macvlan",
		"internal/lab/facts TestK1_5_ArrivalInterfaceEchoed_VXLAN",
	}},
	{"K1.6", "The same happens to a client on this very host.", []proof{
		"internal/lab/facts TestK1_6_LocalClient",
	}},
	{"K1.7", "An index whose interface is gone is ENODEV; one whose interface is down is ENETUNREACH.", []proof{
		"internal/lab/facts TestK1_7_ArrivalInterfaceGone",
	}},
	{"K1.8", "A source that is not local is ENETUNREACH or, on older kernels, EINVAL, whatever IP_FREEBIND and ip_nonlocal_bind say. IP_TRANSPARENT lets it out.", []proof{
		"internal/lab/facts TestK1_8_SourceNotLocal",
	}},
	{"K1.9", "A VIP whose local route is in a table other than local is received for and cannot be a source.", []proof{
		"internal/lab/facts TestK1_9_LocalRouteInAnotherTable",
		"internal/localroute TestOtherTables",
	}},
	{"K1.10", "A group or 255.255.255.255 as source is EINVAL.", []proof{
		"internal/lab/facts TestK1_10_GroupAsSource",
	}},
	{"K1.11", "A broadcast or multicast request has the group in ipi_addr and an address of the host's in ipi_spec_dst: the receiving interface's or, where the way back to the client is by another interface, that one's.", []proof{
		"internal/lab/facts TestK1_11_Group",
		"internal/lab/facts TestK1_11_GroupAsymmetric",
	}},
	{"K1.12", "A datagram queued before IP_PKTINFO was on comes with ipi_spec_dst and index zero; ipi_addr is right all the same.", []proof{
		"internal/lab/facts TestK1_12_QueuedBeforeOption",
		"internal/lab/facts TestK1_12_GroupQueuedBeforeOption",
		"dsrudp TestAdoptQueued",
		"internal/pktinfo TestReceiveQueuedBeforeEnable",
	}},
	{"K1.13", "A policy rule for the VIP as source address applies to a reply with ipi_spec_dst and index 0.", []proof{
		"internal/lab/facts TestK1_13_RuleBySource",
	}},
	{"K1.14", "A reply from a VIP withdrawn after the request came is ENETUNREACH.", []proof{
		"internal/lab/facts TestK1_14_Withdrawn",
	}},
	{"K1.15", "With index 0 it is enough that a default route leads out by another interface.", []proof{
		"internal/lab/facts TestK1_15_DefaultRouteElsewhere",
	}},
}}
