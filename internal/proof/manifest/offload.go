package main

var offload = section{"Segmentation offload", []row{
	{"K6.1", "UDP_SEGMENT goes with packet information in either order, over a cable and within the host, for IPv4, IPv6 and IPv4-mapped addresses. So does UDP_GRO, and what the kernel takes apart for a socket without it has the destination on every datagram.", []proof{
		"internal/lab/facts TestK6_1_SegmentsFromVIP",
		"internal/lab/facts TestK6_1_TrainsToVIP",
		"dsrudp TestTrainSplit",
		"dsrudp TestTrainWhole",
	}},
	{"K6.2", "A message has at most 128 segments (64 before Linux 6.9), and 65507 bytes (IPv4) or 65527 (IPv6). A segment that is longer than the path takes is EMSGSIZE, as segments are never fragmented.", []proof{
		"internal/lab/facts TestK6_2_Limits",
		"internal/lab/facts TestK6_4_SegmentsTooLong",
	}},
	{"K6.3", "Of a train that is longer than the buffer whole datagrams are lost, and MSG_TRUNC says so.", []proof{
		"internal/lab/facts TestK6_3_ShortBuffer",
	}},
	{"K6.4", "A message of segments fails with EINVAL and ENETUNREACH for a bad source as well, which is no reason to send without segments from then on, or without the source.", []proof{
		"internal/lab/facts TestK6_4_BadSource",
		"internal/lab/facts TestK6_4_SegmentsTooLong",
		"internal/lab/facts TestK6_4_WithdrawnSource",
		"internal/lab/facts TestWithdrawn_WritePackets",
	}},
	{"K6.6", "Who reads a socket with UDP_GRO and does not know that takes a train for one datagram.", []proof{
		"internal/lab/facts TestK6_6_TrainTakenForDatagram",
	}},
}}

var batches = section{"Batches", []row{
	{"K7.1", "When message k of a sendmmsg is bad it returns k, and k's error only to the next call, which begins with it. The messages behind it are to be sent all the same.", []proof{
		"internal/lab/facts TestK7_1_BadMessage",
		"internal/lab/facts TestK7_1_ErrorsOfTheWay",
	}},
	{"K7.2", "recvmmsg puts lengths where it found sizes: they are to be reset before every call.", []proof{
		"internal/lab/facts TestK7_2_ResetHeaders",
	}},
	{"K7.3", "A short sendmmsg does not say that the socket is full.", []proof{
		"internal/lab/facts TestK7_3_ShortIsNotFull",
		"dsrudp TestOnError",
	}},
}}
