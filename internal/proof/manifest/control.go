package main

var control = section{"Control messages", []row{
	{"K5.1", "SO_RXQ_OVFL's message comes only after a drop: a buffer that was just large enough loses the path under load.", []proof{
		"internal/lab/facts TestK5_1_DropCount",
		"internal/pktinfo TestReceiveEverything",
	}},
	{"K5.2", "Where the buffer is too small the kernel says MSG_CTRUNC and cuts the last message, down to no data at all, and syscall.ParseSocketControlMessage takes it for whole.", []proof{
		"internal/lab/facts TestK5_2_CutMessages",
		"dsrudp TestControlMessages",
		"internal/pktinfo TestParseCutByKernel",
		"internal/pktinfo TestParsePrefix",
		"internal/pktinfo TestCutLikeKernel",
	}},
	{"K5.3", "The segment size of UDP_GRO comes as a 4-byte int; UDP_SEGMENT takes 2 bytes only.", []proof{
		"internal/lab/facts TestK5_3_SegmentSizes",
	}},
	{"K5.4", "Packet information of another length than 12 bytes (IPv4) or less than 20 (IPv6) is EINVAL.", []proof{
		"dsrudp TestMalformedControlMessages",
		"internal/pktinfo TestRequestedSize",
	}},
	{"K5.5", "Numbers are in the host's byte order, which is big-endian on some. The race detector does not see what raw system calls do to memory.", []proof{
		"internal/pktinfo TestHostByteOrder",
		"internal/pktinfo TestLayoutOfThisSystem",
		"internal/mmsg TestRacesReported",
	}},
}}
